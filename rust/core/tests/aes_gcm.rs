//! The AES-256-GCM that seals every blob, against Wycheproof's and NIST's vectors.

mod common;

use common::{decode_hex, vectors_json};
use pairsmith_core::aead::{self, IV_LENGTH, KEY_LENGTH};
use pairsmith_core::error::Error;

/// One published case.
struct Case {
    name: String,
    key: [u8; KEY_LENGTH],
    iv: [u8; IV_LENGTH],
    aad: Vec<u8>,
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl Case {
    /// Opening gives the plaintext, and sealing it gives the same bytes again.
    fn assert_valid(&self) {
        assert_eq!(self.opened().as_ref(), Ok(&self.plaintext), "{}", self.name);
        let mut message = self.plaintext.clone();
        let tag = aead::seal(&self.key, self.iv, &self.aad, &mut message);
        assert_eq!(message, self.ciphertext, "{}", self.name);
        assert_eq!(tag.as_ref().map(<[u8; 16]>::as_slice), Ok(&*self.tag), "{}", self.name);
    }

    fn assert_invalid(&self) {
        assert_eq!(self.opened(), Err(Error::Decryption), "{}", self.name);
    }

    fn opened(&self) -> Result<Vec<u8>, Error> {
        let mut sealed = [&*self.ciphertext, &*self.tag].concat();
        aead::open(&self.key, self.iv, &self.aad, &mut sealed).map(|message| message.to_vec())
    }
}

/// Of Wycheproof's cases of our sizes every valid one opens and seals to the same bytes, and no
/// invalid one opens.
#[test]
fn wycheproof_agrees() {
    let Some(file) = vectors_json("wycheproof/aes_gcm_test.json") else { return };
    let groups = file["testGroups"].as_array().expect("groups");
    let ours = groups.iter().filter(|group| {
        (&group["keySize"], &group["ivSize"], &group["tagSize"])
            == (&256.into(), &96.into(), &128.into())
    });
    let (mut valid, mut invalid) = (0, 0);
    for test in ours.flat_map(|group| group["tests"].as_array().expect("tests")) {
        let field = |name: &str| decode_hex(test[name].as_str().expect("a string"));
        let case = Case {
            name: format!("tcId {}", test["tcId"]),
            key: field("key").try_into().expect("256 bits"),
            iv: field("iv").try_into().expect("96 bits"),
            aad: field("aad"),
            plaintext: field("msg"),
            ciphertext: field("ct"),
            tag: field("tag"),
        };
        if test["result"] == "valid" {
            case.assert_valid();
            valid += 1;
        } else {
            case.assert_invalid();
            invalid += 1;
        }
    }
    assert_eq!((valid, invalid), (39, 27));
}

/// Every encryption of NIST's with a 96-bit Iv and a 128-bit tag comes out, and opens again.
#[test]
fn nist_encryptions_agree() {
    let Some(cases) = cavp_cases("gcmEncryptExtIV256.rsp") else { return };
    for (case, _) in &cases {
        case.assert_valid();
    }
    assert_eq!(cases.len(), 375);
}

/// Every decryption of NIST's with a 96-bit Iv and a 128-bit tag opens, or fails where NIST says so.
#[test]
fn nist_decryptions_agree() {
    let Some(cases) = cavp_cases("gcmDecrypt256.rsp") else { return };
    let (failing, valid): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, fails)| *fails);
    for (case, _) in &valid {
        case.assert_valid();
    }
    for (case, _) in &failing {
        case.assert_invalid();
    }
    assert_eq!((valid.len(), failing.len()), (184, 191));
}

/// The cases of our sizes in a response file of CAVP's, each with whether it must fail.
fn cavp_cases(name: &str) -> Option<Vec<(Case, bool)>> {
    let folder = std::env::var_os("PAIRSMITH_CAVP").map(std::path::PathBuf::from);
    let Some(file) = folder.map(|folder| folder.join(name)).filter(|file| file.is_file()) else {
        eprintln!(
            "skipped: no {name}; set PAIRSMITH_CAVP to ciphers/AES/GCM of the Python package \
             cryptography_vectors"
        );
        return None;
    };
    let text = std::fs::read_to_string(file).expect("the file can be read").replace('\r', "");
    let (mut sizes, mut cases) = (vec![], vec![]);
    for block in text.split("\n\n") {
        let fields: Vec<(&str, &str)> = block
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.trim_matches(['[', ']']).split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        if block.starts_with('[') {
            sizes = fields;
        } else if sizes.contains(&("IVlen", "96")) && sizes.contains(&("Taglen", "128")) {
            cases.extend(cavp_case(&fields, block));
        }
    }
    Some(cases)
}

/// `None` for a block that is no case, such as the file's head.
fn cavp_case(fields: &[(&str, &str)], block: &str) -> Option<(Case, bool)> {
    let find = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, v)| *v);
    let field = |wanted| find(wanted).map(decode_hex).unwrap_or_default();
    let case = Case {
        name: block.to_owned(),
        key: decode_hex(find("Key")?).try_into().expect("256 bits"),
        iv: field("IV").try_into().expect("96 bits"),
        aad: field("AAD"),
        plaintext: field("PT"),
        ciphertext: field("CT"),
        tag: field("Tag"),
    };
    Some((case, block.lines().any(|line| line == "FAIL")))
}
