//! Makes keys: callers' and the admin's, which is shown or put into a file once.

use std::io::Write as _;
use std::path::Path;

use policy::port::StoreError;

use crate::config::Secret;
use crate::env;
use crate::state::directory::{hash, hex};

/// The file of a made admin key, in the data folder.
pub const ADMIN_FILE: &str = "admin-key";
/// The setting that holds the hash of a made admin key.
const ADMIN_SETTING: &str = "admin_key_sha256";
/// A new key's text: `tg-<12 public>-<48 secret>`.
#[must_use]
pub fn make_key() -> Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 60];
    env::secret_bytes(&mut bytes);
    let letters: String =
        bytes.iter().map(|byte| char::from(LETTERS.get(usize::from(*byte) % 32).copied().unwrap_or(b'a'))).collect();
    let (public, secret) = letters.split_at(12);
    Secret::new(&format!("tg-{public}-{secret}"))
}

/// Hash of the admin key that was made at an earlier start or with the first key.
///
/// # Errors
/// The store is away.
pub async fn stored_admin(directory: &dyn policy::port::Directory) -> Result<Option<[u8; 32]>, StoreError> {
    Ok(directory.setting(ADMIN_SETTING).await?.as_deref().and_then(unhex))
}

/// Makes the admin key: shown on a terminal, else written to a file that its owner alone may read.
///
/// # Errors
/// The store or the file cannot be written.
pub async fn make_admin(
    directory: &dyn policy::port::Directory,
    data_dir: &Path,
    silent: bool,
) -> Result<Secret, String> {
    use std::io::IsTerminal as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let key = make_key();
    let stored = hex(&hash(key.reveal()));
    let made = directory.set_setting(ADMIN_SETTING, &stored).await;
    made.map_err(|error| error.to_string())?;
    if std::io::stderr().is_terminal() && !silent {
        let _ = writeln!(std::io::stderr(), "Admin key (shown once): {}", key.reveal());
        return Ok(key);
    }
    let path = data_dir.join(ADMIN_FILE);
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    writeln!(file, "{}", key.reveal()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(key)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_shape_and_differ() {
        let (one, two) = (make_key(), make_key());
        assert_ne!(one.reveal(), two.reveal());
        let parts: Vec<usize> = one.reveal().split('-').map(str::len).collect();
        assert_eq!(parts, [2, 12, 48]);
    }
}
