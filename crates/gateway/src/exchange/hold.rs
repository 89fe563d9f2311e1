//! What is set aside for a request. A hold that is dropped gives it back.

use crate::gateway::Place;

/// What is set aside for a request, until its record settles.
#[derive(Debug)]
pub struct Hold {
    /// A place among the requests under way.
    _place: Place,
}

impl Hold {
    /// A place, and nothing else.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self { _place: place }
    }
}
