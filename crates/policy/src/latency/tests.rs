//! Buckets, quantiles and the bytes of a histogram.

use super::{Histogram, bucket, upper};

#[test]
fn buckets_are_in_order_and_narrow() {
    for ms in (0..100_000).chain([u64::MAX / 3, u64::MAX - 1, u64::MAX]) {
        let (own, top) = (bucket(ms), upper(bucket(ms)));
        assert!(top >= ms && top - ms <= ms / 8, "{ms} is in a bucket up to {top}");
        assert!(bucket(ms.saturating_add(1)) >= own);
        assert_eq!(bucket(top), own);
    }
}

#[test]
fn quantiles_survive_bytes_and_merging() {
    let (mut odd, mut even) = (Histogram::default(), Histogram::default());
    for ms in 1..=1_000 {
        if ms % 2 == 0 { even.record(ms) } else { odd.record(ms) }
    }
    let mut all = Histogram::from_bytes(&odd.to_bytes());
    assert_eq!(all, odd);
    all.merge(&even);
    assert_eq!(all.count(), 1_000);
    for (per_mille, exact) in [(500, 500), (950, 950), (990, 990), (1_000, 1_000), (0, 1)] {
        let found = all.quantile(per_mille);
        assert!(found.is_some_and(|ms| ms >= exact && ms <= exact + exact / 8), "{per_mille}: {found:?}");
    }
    assert_eq!(Histogram::default().quantile(500), None);
    assert_eq!(Histogram::from_bytes(b"short"), Histogram::default());
}
