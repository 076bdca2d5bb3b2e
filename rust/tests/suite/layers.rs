//! The source keeps its own rules: who may import whom, where `unsafe` lives, and that nothing
//! secret can be printed or copied.

use std::collections::{BTreeMap, BTreeSet};
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

/// Modules of one folder do not need each other in a circle, and known answers need nothing of the module
/// that asks for them: constants below arithmetic below tables, what is tested below its test.
#[test]
fn siblings_go_down_only() {
    let sources = sources();
    let module_of = |file: &str| file.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
    let modules: Vec<String> = sources.iter().map(|(file, _)| module_of(file)).collect();
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, code) in sources.iter().filter(|(file, _)| file != "fault.rs") {
        let module = module_of(file);
        let (folder, _) = module.rsplit_once('/').unwrap_or(("", &module));
        for path in paths(&module, code) {
            // The sibling through which the path goes, if it is one.
            let below = path.strip_prefix(folder).map(|rest| rest.trim_start_matches('/'));
            let Some(name) = below.and_then(|rest| rest.split('/').next()) else { continue };
            let sibling = [folder, name].join("/").trim_start_matches('/').to_owned();
            if modules.contains(&sibling) && sibling != module {
                needs.entry(module.clone()).or_default().insert(sibling);
            }
        }
        if module.ends_with("known_answers") {
            let asks = paths(&module, code).into_iter().filter(|path| {
                let rest = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
                rest.is_some_and(|rest| !modules.contains(&first_of(folder, rest)))
            });
            assert_eq!(asks.collect::<Vec<_>>(), Vec::<String>::new(), "{module}");
        }
    }
    assert!(needs.len() > 25, "{} modules", needs.len());
    for module in needs.keys() {
        let (mut seen, mut next) = (BTreeSet::new(), vec![module]);
        while let Some(at) = next.pop() {
            for needed in needs.get(at).into_iter().flatten() {
                assert_ne!(needed, module, "{at} needs {module}, which needs {at}");
                if seen.insert(needed) {
                    next.push(needed);
                }
            }
        }
    }
}

fn first_of(folder: &str, rest: &str) -> String {
    format!("{folder}/{}", rest.split('/').next().unwrap_or_default())
}

/// The paths that a module's `use` lines name, from the root of the crate, with `/` between.
fn paths(module: &str, code: &str) -> Vec<String> {
    let uses = code.split("use ").skip(1).filter_map(|rest| rest.split(';').next());
    let named = uses.flat_map(|text| {
        let text: String = text.split_whitespace().collect();
        without_braces(&text)
    });
    named.filter_map(|path| from_the_root(module, &path)).collect()
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn without_braces(text: &str) -> Vec<String> {
    let Some((start, list)) = text.split_once('{') else { return vec![text.to_owned()] };
    let list = list.strip_suffix('}').unwrap_or(list);
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            items.push(String::new());
        } else {
            items.last_mut().expect("an item").push(c);
        }
    }
    let items = items.iter().filter(|item| !item.is_empty());
    items.flat_map(|item| without_braces(item)).map(|item| format!("{start}{item}")).collect()
}

/// The path of a `use` line in this module; `None` if it leads out of the crate.
fn from_the_root(module: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = module.split('/').collect();
    match path.split("::").next() {
        Some("crate") => parts.clear(),
        Some("super" | "self") => {}
        _ => return None,
    }
    for step in path.split("::") {
        match step {
            "crate" | "self" => {}
            "super" => drop(parts.pop()),
            step => parts.push(step),
        }
    }
    Some(parts.join("/"))
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
        "PairColumns",
        "Modulus",
        "Work",
        "Moduli",
        "Numbers",
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
