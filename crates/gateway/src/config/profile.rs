//! AWS's shared files: profiles and what they say. Pure; the format is that of
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::BTreeMap;

/// The profiles and sign-in sessions of both files.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    profiles: BTreeMap<String, Profile>,
    sessions: BTreeMap<String, Profile>,
}

/// What one profile or session says, by lowercase name.
#[derive(Debug, Clone, Default)]
pub struct Profile(BTreeMap<String, String>);

impl Profile {
    /// A setting that is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl Profiles {
    /// Reads both files. What the credentials file says of a profile goes over what the configuration says.
    #[must_use]
    pub fn read(config: &str, credentials: &str) -> Self {
        let mut all = Self::default();
        sections(config, |name| match name.split_once(char::is_whitespace) {
            Some(("profile", name)) => Some((false, name.trim())),
            Some(("sso-session", name)) => Some((true, name.trim())),
            _ => (name == "default").then_some((false, name)),
        })
        .for_each(|entry| all.take(entry));
        sections(credentials, |name| Some((false, name))).for_each(|entry| all.take(entry));
        all
    }

    fn take(&mut self, (session, name, key, value): (bool, String, String, String)) {
        let into = if session { &mut self.sessions } else { &mut self.profiles };
        let known = into.entry(name).or_default();
        if !key.is_empty() {
            known.0.insert(key, value);
        }
    }

    /// A profile.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// A sign-in session.
    #[must_use]
    pub fn session(&self, name: &str) -> Option<&Profile> {
        self.sessions.get(name)
    }

    /// The profiles' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

/// Every setting with its section; a section alone comes with an empty key, so that it is known to be there.
fn sections<'a>(
    text: &'a str,
    name: impl Fn(&str) -> Option<(bool, &str)> + 'a,
) -> impl Iterator<Item = (bool, String, String, String)> + 'a {
    let mut section: Option<(bool, String)> = None;
    text.lines().filter_map(move |line| {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            return None;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let inside = rest.split(']').next().unwrap_or_default().trim();
            section = name(inside).map(|(session, name)| (session, name.trim_matches(['"', '\'']).to_owned()));
            let (session, name) = section.clone()?;
            return Some((session, name, String::new(), String::new()));
        }
        // An indented line is of a nested setting, such as those of `s3 =`.
        if line.starts_with([' ', '\t']) {
            return None;
        }
        let (key, value) = trimmed.split_once('=')?;
        let value = value.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default();
        let (session, name) = section.clone()?;
        Some((session, name, key.trim().to_ascii_lowercase(), value.trim().to_owned()))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read_as_aws_does() {
        let config = "# mine\n[default]\nregion = eu-west-1 # near\n\n[profile dev]\nrole_arn=arn:aws:iam::1:role/r\n\
                      source_profile = default\ns3 =\n  region = us-west-2\n[sso-session corp]\nsso_region = us-east-1\n\
                      [ignored]\nregion = x\n[profile \"with space\"]\nregion = y\n";
        let credentials = "[default]\nAWS_Access_Key_Id = AKID\naws_secret_access_key = s/+=x\n[other]\n";
        let all = Profiles::read(config, credentials);
        let default = all.profile("default").unwrap();
        assert_eq!((default.get("region"), default.get("aws_access_key_id")), (Some("eu-west-1"), Some("AKID")));
        assert_eq!(default.get("aws_secret_access_key"), Some("s/+=x"));
        let dev = all.profile("dev").unwrap();
        assert_eq!((dev.get("source_profile"), dev.get("region"), dev.get("s3")), (Some("default"), None, None));
        assert_eq!(all.session("corp").unwrap().get("sso_region"), Some("us-east-1"));
        assert_eq!(all.names().collect::<Vec<_>>(), ["default", "dev", "other", "with space"]);
    }
}
