//! The order in which the targets of a model are tried.

/// How targets are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choose {
    /// In the order they are written.
    #[default]
    Priority,
    /// By lot, each with its weight.
    Weighted,
}

impl Choose {
    /// The word in configuration and `x-tollgate-why`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Choose::Priority => "priority",
            Choose::Weighted => "weighted",
        }
    }
}

/// The order of targets given by their weights: places in `weights`, each once. A weight of 0 comes last.
#[must_use]
pub fn order(weights: &[u32], choose: Choose, dice: &mut dyn FnMut() -> u64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..weights.len()).collect();
    if choose == Choose::Priority || left.len() < 2 {
        return left;
    }
    let weight = |place: usize| u64::from(weights.get(place).copied().unwrap_or_default());
    let mut drawn = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let total: u64 = left.iter().map(|place| weight(*place)).sum();
        let mut at = 0;
        if total > 0 {
            let mut point = dice() % total;
            for (index, place) in left.iter().enumerate() {
                at = index;
                if point < weight(*place) {
                    break;
                }
                point -= weight(*place);
            }
        }
        drawn.push(left.remove(at));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_keeps_the_written_order() {
        assert_eq!(order(&[1, 5, 2], Choose::Priority, &mut || 7), [0, 1, 2]);
    }

    #[test]
    fn weighted_draws_in_proportion_and_each_once() {
        let mut counts = [0u32; 3];
        let mut state = 1u64;
        let mut dice = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for _ in 0..9_000 {
            let drawn = order(&[1, 2, 0], Choose::Weighted, &mut dice);
            let mut sorted = drawn.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2]);
            assert_eq!(drawn.last(), Some(&2), "a weight of 0 comes last");
            if let Some(first) = drawn.first().and_then(|place| counts.get_mut(*place)) {
                *first += 1;
            }
        }
        assert!((2_700..3_300).contains(&counts[0]) && (5_700..6_300).contains(&counts[1]), "{counts:?}");
    }
}
