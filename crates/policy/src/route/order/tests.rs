use super::*;

/// Dice that are the same in every run.
fn dice(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

fn weighted(weights: &[u32]) -> Vec<Standing> {
    weights.iter().map(|weight| Standing { weight: *weight, ..Standing::default() }).collect()
}

fn plain(standing: &[Standing], choose: Choose) -> Vec<usize> {
    order(standing, choose, Slo::default(), 100.0, &mut || 7)
}

#[test]
fn priority_keeps_the_written_order() {
    assert_eq!(plain(&weighted(&[1, 5, 2]), Choose::Priority), [0, 1, 2]);
}

#[test]
fn weighted_draws_in_proportion_and_each_once() {
    let mut counts = [0u32; 3];
    let mut dice = dice(1);
    let standing = weighted(&[1, 2, 0]);
    for _ in 0..9_000 {
        let drawn = order(&standing, Choose::Weighted, Slo::default(), 0.0, &mut dice);
        assert_eq!(drawn.last(), Some(&2), "a weight of 0 comes last");
        if let Some(first) = drawn.first().and_then(|place| counts.get_mut(*place)) {
            *first += 1;
        }
    }
    assert!((2_700..3_300).contains(&counts[0]) && (5_700..6_300).contains(&counts[1]), "{counts:?}");
}

#[test]
fn cheapest_goes_by_the_expected_cost_and_leaves_the_unpriced_for_last() {
    let cost = |expected: Option<i64>| Standing { weight: 1, expected: expected.map(Nano), ..Standing::default() };
    let standing = [cost(Some(30)), cost(None), cost(Some(0)), cost(Some(30)), cost(Some(20))];
    assert_eq!(plain(&standing, Choose::Cheapest), [2, 4, 0, 3, 1]);
}

#[test]
fn fastest_counts_the_first_byte_and_the_whole_answer() {
    let pace = |first: f64, speed: f64| Standing {
        weight: 1,
        first_byte_ms: Some(first),
        tokens_per_second: Some(speed),
        ..Standing::default()
    };
    // 100 tokens: 200 + 10,000; 900 + 1,000; not known.
    let standing = [pace(200.0, 10.0), pace(900.0, 100.0), Standing::default()];
    assert_eq!(plain(&standing, Choose::Fastest), [1, 0, 2]);
    // A short answer is another matter.
    assert_eq!(order(&standing, Choose::Fastest, Slo::default(), 1.0, &mut || 7), [0, 1, 2]);
}

#[test]
fn fastest_never_forgets_a_target_for_ever() {
    let known = Standing { weight: 1, first_byte_ms: Some(10.0), ..Standing::default() };
    let slow = Standing { first_byte_ms: Some(5_000.0), ..known };
    let mut dice = dice(3);
    let mut firsts = [0u32; 3];
    for _ in 0..4_000 {
        let places = order(&[known, slow, Standing::default()], Choose::Fastest, Slo::default(), 10.0, &mut dice);
        let mut sorted = places.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2]);
        if let Some(first) = places.first().and_then(|place| firsts.get_mut(*place)) {
            *first += 1;
        }
    }
    // About one in four goes to the one that nothing is known of.
    assert!((900..1_100).contains(&firsts[2]) && firsts[1] == 0, "{firsts:?}");
    let mut firsts = [0u32; 2];
    for _ in 0..4_000 {
        let places = order(&[known, slow], Choose::Fastest, Slo::default(), 10.0, &mut dice);
        if let Some(first) = places.first().and_then(|place| firsts.get_mut(*place)) {
            *first += 1;
        }
    }
    assert!((120..300).contains(&firsts[1]), "a slow one is tried now and then: {firsts:?}");
}

#[test]
fn least_busy_takes_the_better_of_two() {
    let busy = |weight: u32, busy: u32| Standing { weight, busy, ..Standing::default() };
    let mut dice = dice(5);
    let mut firsts = [0u32; 3];
    for _ in 0..3_000 {
        let places = order(&[busy(1, 9), busy(1, 0), busy(1, 9)], Choose::LeastBusy, Slo::default(), 0.0, &mut dice);
        if let Some(first) = places.first().and_then(|place| firsts.get_mut(*place)) {
            *first += 1;
        }
    }
    assert!(firsts[1] > 1_800, "the idle one wins whenever it is drawn: {firsts:?}");
    // Ten under way with a weight of 10 is less than two with a weight of 1.
    assert_eq!(order(&[busy(1, 2), busy(10, 10)], Choose::LeastBusy, Slo::default(), 0.0, &mut || 0), [1, 0]);
}

#[test]
fn what_misses_the_slo_comes_after_what_does_not() {
    let slo = Slo { first_byte: Some(Duration::from_secs(2)), tokens_per_second: Some(30) };
    let one = |cost: i64, first: Option<f64>, speed: Option<f64>| Standing {
        weight: 1,
        expected: Some(Nano(cost)),
        first_byte_ms: first,
        tokens_per_second: speed,
        busy: 0,
    };
    let standing = [
        one(1, Some(3_000.0), Some(50.0)),
        one(2, Some(500.0), Some(10.0)),
        one(4, Some(500.0), Some(50.0)),
        one(3, None, None),
    ];
    assert_eq!(order(&standing, Choose::Cheapest, slo, 100.0, &mut || 7), [3, 2, 0, 1]);
    // The operator's own order is left as it is.
    assert_eq!(order(&standing, Choose::Priority, slo, 100.0, &mut || 7), [0, 1, 2, 3]);
}

#[test]
fn every_way_names_every_target_once() {
    let mut dice = dice(11);
    for choose in Choose::ALL {
        for count in 0..7_u32 {
            let standing: Vec<Standing> = (0..count)
                .map(|nth| Standing {
                    weight: nth % 3,
                    expected: (nth % 2 == 0).then_some(Nano(i64::from(nth))),
                    first_byte_ms: (nth % 3 == 0).then_some(f64::from(nth)),
                    tokens_per_second: (nth % 2 == 1).then_some(0.0),
                    busy: nth,
                })
                .collect();
            let mut places = order(&standing, choose, Slo::default(), 50.0, &mut dice);
            places.sort_unstable();
            assert_eq!(places, (0..count as usize).collect::<Vec<_>>(), "{choose:?}");
        }
    }
}
