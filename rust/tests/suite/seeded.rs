//! C2SP det-keygen: published seeds and the keys that FIPS 186-5 A.1.3 makes of them.
//!
//! The seeds are those of C2SP/C2SP, det-keygen, at commit 5ba5ee83; of the keys, which are long, this
//! file has the digests.

use pairsmith_core::error::Error;
use pairsmith_core::generate::Effort;
use pairsmith_core::interrupt::Never;
use pairsmith_core::lanes::Engine;
use pairsmith_core::random::{HmacDrbg, RandomSource as _};
use pairsmith_core::seeded;
use pairsmith_core::spec::{Curve, DrawnKind, KeyPairSpec, RsaSize};
use pairsmith_tests::{decode_hex, for_each_engine};
use ring::digest::{SHA256, digest};

for_each_engine!(
    published_rsa_keys_come_out_byte_for_byte,
    published_p256_keys_come_out_byte_for_byte
);

/// Every published RSA case of our sizes comes out byte for byte, on one, two or three threads by turns.
fn published_rsa_keys_come_out_byte_for_byte(engine: Engine) {
    for (threads, (size, seed, expected)) in (1..=3).cycle().zip(RSA) {
        let effort = Effort { threads, ..Effort::of(engine) };
        assert_digest(KeyPairSpec::Rsa(size), effort, seed, expected);
    }
}

/// Every published P-256 case comes out byte for byte; among them the one whose first draw is out of
/// range.
fn published_p256_keys_come_out_byte_for_byte(engine: Engine) {
    for (seed, expected) in P256 {
        assert_digest(KeyPairSpec::Ec(Curve::P256), Effort::of(engine), seed, expected);
    }
}

/// Every published P-384 and P-521 case comes out byte for byte.
#[test]
fn published_keys_of_large_curves_come_out_byte_for_byte() {
    for (kind, cases) in [(DrawnKind::P384, P384), (DrawnKind::P521, P521)] {
        for (seed, expected) in cases {
            let effort = Effort::of(Engine::best());
            assert_digest(KeyPairSpec::Drawn(kind), effort, seed, expected);
        }
    }
}

/// Kinds that det-keygen does not have take the first output of an `HMAC_DRBG` of their own name, all
/// of it at once, as their private key; no two have one name.
#[test]
fn other_kinds_draw_under_names_of_their_own() {
    let seed = [7; 32];
    let own = [
        (DrawnKind::Ed25519, "Ed25519", 32),
        (DrawnKind::X25519, "X25519", 32),
        (DrawnKind::MlKem512, "ML-KEM-512", 64),
        (DrawnKind::MlKem768, "ML-KEM-768", 64),
        (DrawnKind::MlKem1024, "ML-KEM-1024", 64),
        (DrawnKind::MlDsa44, "ML-DSA-44", 32),
        (DrawnKind::MlDsa65, "ML-DSA-65", 32),
        (DrawnKind::MlDsa87, "ML-DSA-87", 32),
    ];
    for (kind, name, length) in own {
        let mut drbg = HmacDrbg::new(&seed, format!("pairsmith det key gen {name}").as_bytes());
        let mut drawn = vec![0; length];
        drbg.fill(&mut drawn).expect("never fails");
        let document = pair_of(KeyPairSpec::Drawn(kind), Engine::best(), &seed);
        let mut private = document[document.len() - length..].to_vec();
        if kind == DrawnKind::X25519 {
            // What RFC 7748 fixes: three bits below, two above.
            (drawn[0], private[0]) = (drawn[0] >> 3, private[0] >> 3);
            (drawn[31], private[31]) = (drawn[31] & 0x3f, private[31] & 0x3f);
        }
        assert!(private == drawn, "{name}");
    }
}

mod slow {
    use pairsmith_core::generate::Effort;
    use pairsmith_core::spec::KeyPairSpec;
    use pairsmith_tests::engines;

    /// Every published RSA case comes out the same on any number of threads.
    #[test]
    #[ignore = "slow: make test-slow"]
    fn threads_change_nothing() {
        for engine in engines() {
            for (threads, (size, seed, expected)) in
                (1..=3).flat_map(|threads| super::RSA.map(|case| (threads, case)))
            {
                let effort = Effort { threads, ..Effort::of(engine) };
                super::assert_digest(KeyPairSpec::Rsa(size), effort, seed, expected);
            }
        }
    }
}

/// On secp256k1, the extension, the scalar is the first output of an `HMAC_DRBG` of that name, and
/// not the one of P-256.
#[test]
fn secp256k1_draws_under_a_name_of_its_own() {
    let seed = [7; 32];
    let mut drbg = HmacDrbg::new(&seed, b"det ECDSA key gen secp256k1");
    let mut scalar = [0; 32];
    drbg.fill(&mut scalar).expect("never fails");
    let contains = |curve| {
        let pair = pair_of(KeyPairSpec::Ec(curve), Engine::best(), &seed);
        pair.windows(32).any(|window| window == scalar)
    };
    assert!(contains(Curve::P256K));
    assert!(!contains(Curve::P256));
}

/// A seed below 128 bits is refused.
#[test]
fn short_seeds_are_refused() {
    let effort = Effort::of(Engine::best());
    let made = |seed: &[u8]| seeded::key_pair(KeyPairSpec::Ec(Curve::P256), effort, seed, &Never);
    assert_eq!(made(&[7; 15]).err(), Some(Error::InvalidLength));
    assert!(made(&[7; 16]).is_ok());
}

fn assert_digest(spec: KeyPairSpec, effort: Effort, seed: &str, expected: &str) {
    let pair = seeded::key_pair(spec, effort, &decode_hex(seed), &Never).expect("a pair");
    let found = digest(&SHA256, pair.private_key.expose());
    assert_eq!(hex::encode(found), expected, "{spec:?}, seed {seed}, {effort:?}");
}

fn pair_of(spec: KeyPairSpec, engine: Engine, seed: &[u8]) -> Vec<u8> {
    let pair = seeded::key_pair(spec, Effort::of(engine), seed, &Never).expect("a pair");
    pair.private_key.expose().to_vec()
}

/// Size, seed, and SHA-256 of the PKCS#8 document.
#[rustfmt::skip]
const RSA: [(RsaSize, &str, &str); 18] = [
    (RsaSize::Bits2048, "5e5d94fba9a4686328b2af3d7a92736e",
     "e81b5a0fdfb9e83ddec581598df84400047dc979f4c82bd142b0aca29a51ba2e"),
    (RsaSize::Bits3072, "4a640716c878976a853a4efa5e70bf96",
     "c86b4f17b1c19d5bea722a4afe249826bc6e120a99816bd32d1d62abcc33e3ee"),
    (RsaSize::Bits4096, "88b0c77cd04e7c741292220989db43c4",
     "363cdea8e3ec1aec310942704e6f2b13c5dbd5c2da16bc798dd1aeb8260f22f3"),
    (RsaSize::Bits2048, "4e48cac10c490afce06dfa51de74ca05fd1c1e0493",
     "ad1de393a7fa7af9c07f7011270ca08f1c74f23d093bd9863579d3aa384bd347"),
    (RsaSize::Bits2048, "53b6b04aca33a9966f643fae6391fc46701ddc3b4b5ae096",
     "6de16434b95aba1368cc9b120dc5751440ce44f83f1bdc9d3ffedf00d32c3b34"),
    (RsaSize::Bits2048, "0c6e23c79b3a55b81e8d0ae39408d4a5573a40801c5720433dea1821c64f6bc0cbb32ea2",
     "6f65605ac0415841a45bb8e08ced5157fc050a0390c6993607aa62aa9a995ed4"),
    (RsaSize::Bits2048, "53b86d5f4e3bdc5440c7a4a237a66ffa46cae6580666533b697ecee53591ee6ced4bf4d5ba2154fc759f19334db57a8f",
     "8573e8e1145812a9e950f5d50412b674795a0fa8242b87ea2a6d843b2618a2d6"),
    (RsaSize::Bits2048, "3157e37c9674ccf0db9c00f8837c1a84",
     "ac68cb76d9622ff6dbda2b6689a515e75638e876d135e703123bbd46cda62378"),
    (RsaSize::Bits2048, "854ccac10c490afce06dfa51de74ca05fd1c1e0493",
     "c94f3b6d0f3286dfddf911c742f83bb1ee6e9679b12580aeda4f8e94dd21b852"),
    (RsaSize::Bits2048, "047894fba9a4686328b2af3d7a92736e",
     "5989595f9be0bfe213a65a03131c973063a3b1fbc2c87b14ffe15e7064a6507e"),
    (RsaSize::Bits2048, "28f4db691db27fe94f86bf067c2cbcf7",
     "074c3b6de173318190cf733be6c08a0d85d8e0683c2e4c5273f1c469db8e412c"),
    (RsaSize::Bits2048, "f4d81c0bfaab20dff35e2e8a1c8a7e9c",
     "aae89b632af8f1404439d0a73e1cecaa0ace5fd46e7eabc1a9da3620cd21fca4"),
    (RsaSize::Bits2048, "d86b7b67a78717d174a51c7285eaf460",
     "5065f01daa64e1a4689d4066fe20c33d17af3ae23ed5a2dc226207eb16fe4439"),
    (RsaSize::Bits2048, "0a720a90a9d637c04e7aadae80ced132",
     "4dd181d209689cb75720ce440ad958005b41de065c3dda3fbbf79b84fe44deef"),
    (RsaSize::Bits2048, "4d2e0dc1fd97241f2447707137d4e3d6",
     "9908c289a91f1a0ba3f7aa5712509125dfa4e826f770a20f7b1419e96f1819f7"),
    (RsaSize::Bits2048, "5570336742855b7df83cf88c5d5e32de",
     "08d1ec7c7247a818176243cf9a2d835704ee0fe5b27119e90519194b37df8e08"),
    (RsaSize::Bits2048, "c8cd81fe6e1851094e9500a930dfbbca",
     "b26b970bb46bc773fbdbd16aa0c55eaf7b54385d60e1ced5dd0ab0d522046fa3"),
    (RsaSize::Bits2048, "e0ca825f59515128106ef931c39fc8d5",
     "4e63b41983957dc08b5646e7a977fd21dd15e3b4e2e03535f059ed53e6298367"),
];

/// Seed, and SHA-256 of the PKCS#8 document.
#[rustfmt::skip]
const P256: [(&str, &str); 6] = [
    ("42424242424242424242424242424242",
     "b89a5413339a75dcbe8b629c6303fb1d6455d3899f442f066e6447451ba8aab0"),
    ("424242424242424242424242424242424242424242",
     "8b8056ab73f619a89cff5a7be1eea4ca815e47fbde806ac1c00540692ff8f9d1"),
    ("424242424242424242424242424242424242424242424242",
     "d94fecc37c13f40c183f65ad2b8547da6d5dfe4bcfd9aa8e015f0901fdf4dac5"),
    ("424242424242424242424242424242424242424242424242424242424242424242424242",
     "32dd046347c638ecdaf91dbe363cf5fb4eebf31586f1f24a659c65e617b1554d"),
    ("424242424242424242424242424242424242424242424242424242424242424242424242424242424242424242424242",
     "0b4444281d512d22d7dcdbab923193913319c7d7bf9edf9442f17ca97ba57b0a"),
    ("b432f9be30890480298218510559aed7",
     "f668969e010f15bfc4c138acf7f2b521fe65696339bea05eae09bf43f12c64fc"),
];

/// The same.
#[rustfmt::skip]
const P384: [(&str, &str); 5] = [
    ("42424242424242424242424242424242",
     "458728a14a82048ff3071aac2e7ea59a2c833783e93531fc6977caf44f66fa0b"),
    ("424242424242424242424242424242424242424242",
     "8f5c330dcab630b82282183251cb6bf38772eb8efe2cc1f846bd3f179cac0a47"),
    ("424242424242424242424242424242424242424242424242",
     "22c8c17921d3cc7ff9fef52b3565c933a9a6e0a7f10e4d6ede07746da7ece895"),
    ("424242424242424242424242424242424242424242424242424242424242424242424242",
     "894abd6b1138c956ff4a694ee24fa3957ed3c5eacf238ecf45e3acac7fe13a97"),
    ("424242424242424242424242424242424242424242424242424242424242424242424242424242424242424242424242",
     "b2a4fe5d90a9db41c3a4b795bf524735138a2f1d922afc6cd6e19715fce3e463"),
];

/// The same.
#[rustfmt::skip]
const P521: [(&str, &str); 5] = [
    ("42424242424242424242424242424242",
     "4d181edd2338dbd4e15b4ae76d0ef4c11b530dce73bcc42f3f7820956a58a6d2"),
    ("424242424242424242424242424242424242424242",
     "86b634e5a5369c9e411ef0f9a2f73372d78ba7602bb6327b401acf1d157c8872"),
    ("424242424242424242424242424242424242424242424242",
     "4ff951d84aa9deb59db95c1beb11aa8576b6b6d3ba5eb9642728205539f76372"),
    ("424242424242424242424242424242424242424242424242424242424242424242424242",
     "91f99497c561513f5b06647c8651899610afdba0ab11e4d8b463cec6cfef1639"),
    ("424242424242424242424242424242424242424242424242424242424242424242424242424242424242424242424242",
     "8d6b3f55b22e9e1bacd0925d38da8c8ba27f2063268146f52d9f60242b74728f"),
];
