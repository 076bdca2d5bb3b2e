//! The tests of the core, in modules of the names of what they test. `make test-slow` runs the modules
//! named `slow`, too.

mod aead;
mod base64;
mod batch;
mod columns;
mod contexts;
mod drawn;
mod ec;
mod encode;
mod erasing_alloc;
mod fault;
mod generate;
mod json_lines;
mod kind;
mod lanes;
mod layers;
mod natural;
mod open_pair;
mod pool;
mod prepare;
mod primes;
mod public_numbers;
mod random;
mod random_sources;
mod re_encrypt;
mod root_key;
mod rsa;
mod seeded;
mod self_test;
mod self_test_failure;
mod stream;
mod surroundings;
mod wrap;
