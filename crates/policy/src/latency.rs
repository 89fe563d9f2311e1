//! How long requests took: counts in buckets that grow with the time, so a quantile is right to 12.5 %.

use std::collections::BTreeMap;

/// Counts per bucket. Up to 15 ms one bucket per ms, then eight buckets per doubling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: BTreeMap<u16, u64>,
}

/// The bucket of a time in ms.
fn bucket(ms: u64) -> u16 {
    if ms < 8 {
        return u16::try_from(ms).unwrap_or(0);
    }
    let octave = ms.ilog2() - 3;
    let step = u16::try_from((ms >> octave) & 7).unwrap_or(0);
    u16::try_from(octave).unwrap_or(0) * 8 + 8 + step
}

/// The longest time of a bucket, in ms.
fn upper(bucket: u16) -> u64 {
    let octave = u32::from(bucket / 8).saturating_sub(1);
    match bucket {
        0..8 => u64::from(bucket),
        _ => ((u64::from(bucket % 8) + 9).checked_shl(octave).unwrap_or(0)).wrapping_sub(1),
    }
}

impl Histogram {
    /// Counts one time, in ms.
    pub fn record(&mut self, ms: u64) {
        *self.counts.entry(bucket(ms)).or_default() += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            let own = self.counts.entry(*bucket).or_default();
            *own = own.saturating_add(*count);
        }
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time in ms that `per_mille` of the counted times do not exceed (500 is the median); `None` when
    /// nothing was counted. At most 12.5 % above the true one.
    #[must_use]
    pub fn quantile(&self, per_mille: u16) -> Option<u64> {
        let rank = (u128::from(self.count()) * u128::from(per_mille.min(1_000))).div_ceil(1_000).max(1);
        let mut seen = 0;
        self.counts.iter().find_map(|(bucket, count)| {
            seen += u128::from(*count);
            (seen >= rank).then(|| upper(*bucket))
        })
    }

    /// As bytes: per bucket its number (2 bytes) and count (8), both little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.counts.len() * 10);
        for (bucket, count) in &self.counts {
            bytes.extend_from_slice(&bucket.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    /// From those bytes; what does not fit the layout is left out.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut histogram = Self::default();
        for record in bytes.as_chunks::<10>().0 {
            let [low, high, count @ ..] = *record;
            *histogram.counts.entry(u16::from_le_bytes([low, high])).or_default() += u64::from_le_bytes(count);
        }
        histogram
    }
}

#[cfg(test)]
mod tests;
