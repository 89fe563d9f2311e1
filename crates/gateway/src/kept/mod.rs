//! Responses that the gateway keeps where the provider keeps none: `store`, `previous_response_id` and the look-ups of
//! OpenAI's Responses API across dialects. Off unless the configuration says that content may be stored.

pub mod items;
pub mod lookup;
pub mod shelf;
pub mod turn;
