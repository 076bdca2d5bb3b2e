//! The source keeps its own rules: who may import whom, where `unsafe` lives, and that nothing
//! secret can be printed or copied.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file of the core with its path below `src`, and its text without comments and tests.
fn sources() -> Vec<(String, String)> {
    let files = sources_of("core");
    assert!(files.len() > 15, "{} files", files.len());
    files
}

/// The same of any crate here.
fn sources_of(krate: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("src");
    let (mut folders, mut files) = (vec![root.clone()], vec![]);
    while let Some(folder) = folders.pop() {
        let paths: Vec<PathBuf> = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        for path in paths {
            let name = path.strip_prefix(&root).expect("below src").display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with("tests.rs") {
                files.push((name, code(&fs::read_to_string(&path).expect("text"))));
            }
        }
    }
    files
}

/// What stands before the tests, without the lines that are comments.
fn code(text: &str) -> String {
    let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = production.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The layers that lib.rs states, top first: `[a] → [b], [c] → …`.
fn layers() -> Vec<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/lib.rs"));
    let text = text.expect("lib.rs").replace("//!", "");
    let start = text.find("The way down:").expect("the statement");
    let statement = text[start..].split("No module").next().expect("its end");
    let names = |layer: &str| {
        layer.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<String>>()
    };
    statement.split('→').map(names).collect()
}

/// The modules that a file names with `crate::`.
fn imports(code: &str) -> impl Iterator<Item = &str> {
    code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

/// No module imports one of a layer further up, and the statement names every module there is.
#[test]
fn imports_go_down_only() {
    let layers = layers();
    let layer_of = |module: &str| {
        let place = layers.iter().position(|layer| layer.iter().any(|name| name == module));
        place.unwrap_or_else(|| panic!("{module} has no layer in lib.rs"))
    };
    let mut checked = 0;
    // The seam of the fault tests reaches into every stage; no shipped build has it.
    let shipped = |file: &str| file != "lib.rs" && file != "fault.rs";
    for (file, code) in sources().iter().filter(|(file, _)| shipped(file)) {
        let module = file.split(['/', '.']).next().expect("a name");
        for imported in imports(code).filter(|imported| *imported != "fault") {
            assert!(
                layer_of(module) <= layer_of(imported),
                "{file} imports {imported}, which is further up"
            );
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked} imports");
}

/// No file of tests is left out: none is beside the core, and each of the suite is a module of it.
#[test]
fn every_test_is_in_the_suite() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(!here.join("../core/tests").exists(), "tests of the core belong to rust/tests/suite");
    let modules = fs::read_to_string(here.join("suite/main.rs")).expect("text");
    for entry in fs::read_dir(here.join("suite")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").display().to_string();
        assert!(name == "main" || modules.contains(&format!("mod {name};")), "{name}");
    }
}

/// The interpreter is released in one place, which asks for a preparation.
#[test]
fn the_interpreter_is_released_in_one_place() {
    for (file, code) in sources_of("python") {
        let released = code.matches(".detach(").count();
        assert_eq!(released, usize::from(file == "border.rs"), "{file}");
    }
}

/// `unsafe` has two addresses in what ships: the way into code for optional CPU features, and the
/// allocator.
#[test]
fn unsafe_has_two_addresses() {
    let crates = ["core", "erasing-alloc", "python"];
    let files = crates.iter().flat_map(|krate| {
        sources_of(krate).into_iter().map(move |(file, code)| (format!("{krate}/{file}"), code))
    });
    let mut found: Vec<String> = files
        .filter(|(_, code)| {
            code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
        })
        .map(|(file, _)| file)
        .collect();
    found.sort();
    assert_eq!(found, ["core/lanes/dispatch.rs", "erasing-alloc/lib.rs"]);
}

/// Types that hold secrets have neither `Debug` nor `Clone`, `Display` nor `Copy`, derived or
/// written out.
#[test]
fn secrets_are_neither_printed_nor_copied() {
    let secrets = [
        "SecretBytes",
        "Natural",
        "Factors",
        "OsRandom",
        "HmacDrbg",
        "Candidates",
        "PrimeSearch",
        "Drawn",
        "Watch",
        "RsaKeyPair",
        "EcKeyPair",
        "DrawnPair",
        "EncodedPair",
        "LockedPage",
        "Waiting",
        "Filled",
        "SealingKey",
        "WrappingKey",
        "ServiceKey",
        "Opened",
        "RootKey",
        "DataKeyPair",
        "Modulus",
        "Work",
        "Moduli",
        "Recoded",
        "Digits",
        "Signed",
        "Matrix",
    ];
    let sources = sources();
    for name in secrets {
        let declared = |code: &str| {
            [" {", "<", "("].iter().find_map(|next| code.find(&format!("struct {name}{next}")))
        };
        let (file, at, code) = sources
            .iter()
            .find_map(|(file, code)| declared(code).map(|at| (file, at, code)))
            .unwrap_or_else(|| panic!("{name} is declared somewhere"));
        let attributes: Vec<&str> =
            code[..at].lines().rev().skip(1).take_while(|line| line.starts_with("#[")).collect();
        for banned in ["Debug", "Clone", "Copy", "Display", "Serialize"] {
            assert!(!attributes.concat().contains(banned), "{name} in {file} derives {banned}");
            let written = format!("{banned} for {name}");
            assert!(sources.iter().all(|(_, code)| !code.contains(&written)), "{written}");
        }
    }
}

/// Nothing in the core knows Python, files, the clock or the environment, and nothing prints.
#[test]
fn the_core_knows_nothing_of_the_world() {
    let banned = [
        "pyo3",
        "std::fs",
        "std::env",
        "Instant",
        "SystemTime",
        "std::net",
        "println!",
        "eprintln!",
        "dbg!",
        ".unwrap()",
        "todo!",
    ];
    for (file, code) in sources() {
        for word in banned {
            assert!(!code.contains(word), "{word} in {file}");
        }
    }
}
