//! One stable hash (FNV-1a, 64 bit) for checksums and index keys; no secret depends on it.

/// The hash of some bytes; the same in every release.
#[must_use]
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
