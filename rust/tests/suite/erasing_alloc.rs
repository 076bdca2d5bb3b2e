//! The erasing allocator over one that looks into each block before it goes back to the system.

#![expect(unsafe_code, reason = "an allocator is unsafe to write and to call")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pairsmith_erasing_alloc::Erasing;
use proptest::prelude::*;

/// The system's allocator, which counts what it is asked for and what comes back not erased.
#[derive(Default)]
struct Watched {
    taken: AtomicUsize,
    returned: AtomicUsize,
    /// Blocks in which a byte was not zero when they came back.
    dirty: AtomicUsize,
    /// Says that there is no memory left.
    exhausted: AtomicBool,
}

// SAFETY: every block is the system's, with the layout that the caller named.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.exhausted.load(Ordering::Relaxed) {
            return ptr::null_mut();
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract. Zeroed, so that all of it may be read later.
        let block = unsafe { System.alloc_zeroed(layout) };
        // SAFETY: the block has this many bytes. Not zero, so that an erased one differs from it.
        unsafe { block.write_bytes(0xa5, layout.size()) };
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.taken.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.returned.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the block is still the caller's, and `alloc` has written to all of it.
        let bytes = unsafe { slice::from_raw_parts(block, layout.size()) };
        if bytes.iter().any(|byte| *byte != 0) {
            self.dirty.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, _: *mut u8, _: Layout, _: usize) -> *mut u8 {
        unreachable!("a block that moves inside leaves its bytes behind")
    }
}

/// How many blocks were taken, how many came back, and how many of those not erased.
fn counts(allocator: &Erasing<Watched>) -> (usize, usize, usize) {
    let Erasing(Watched { taken, returned, dirty, .. }) = allocator;
    let [taken, returned, dirty] = [taken, returned, dirty].map(|n| n.load(Ordering::Relaxed));
    (taken, returned, dirty)
}

fn new() -> Erasing<Watched> {
    Erasing(Watched::default())
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}

/// Writes a pattern that has no zeros.
///
/// # Safety
///
/// The block has `size` bytes.
unsafe fn fill(block: *mut u8, size: usize) {
    for at in 0..size {
        // SAFETY: `at` is inside the block.
        unsafe { block.add(at).write(pattern(at)) };
    }
}

fn pattern(at: usize) -> u8 {
    u8::try_from(at % 255).expect("below 255") + 1
}

/// Whether the first bytes of a block are the pattern.
///
/// # Safety
///
/// The block has `size` bytes, and they have been written to.
unsafe fn has_pattern(block: *const u8, size: usize) -> bool {
    // SAFETY: the caller says so.
    let bytes = unsafe { slice::from_raw_parts(block, size) };
    bytes.iter().enumerate().all(|(at, byte)| *byte == pattern(at))
}

/// The watcher notices a block that nobody erased, so the other tests can fail.
#[test]
fn a_block_that_was_not_erased_is_noticed() {
    let watched = Watched::default();
    // SAFETY: a block is taken and given back with one layout.
    unsafe {
        let block = watched.alloc(layout(40, 8));
        watched.dealloc(block, layout(40, 8));
    }
    assert_eq!(counts(&Erasing(watched)), (1, 1, 1));
}

/// A block is zero when it goes back, whatever its size and alignment, and the last byte too.
#[test]
fn what_is_given_back_is_erased() {
    let allocator = new();
    let sizes = [1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 1 << 20];
    let aligns = [1, 8, 64, 4096];
    for (size, align) in sizes.iter().flat_map(|size| aligns.map(|align| (*size, align))) {
        // SAFETY: a block is taken, written to and given back with one layout.
        unsafe {
            let block = allocator.alloc(layout(size, align));
            assert_eq!(block.align_offset(align), 0);
            fill(block, size);
            allocator.dealloc(block, layout(size, align));
        }
    }
    let blocks = sizes.len() * aligns.len();
    assert_eq!(counts(&allocator), (blocks, blocks, 0));
}

/// A block that nobody has written to is given back erased.
#[test]
fn what_was_never_written_to_is_erased() {
    let allocator = new();
    // SAFETY: a block is taken and given back with one layout.
    unsafe {
        let block = allocator.alloc(layout(100, 1));
        allocator.dealloc(block, layout(100, 1));
    }
    assert_eq!(counts(&allocator), (1, 1, 0));
}

/// `alloc_zeroed` gives zeros, and what was written to them is erased.
#[test]
fn what_is_given_zeroed_is_zero_and_erased() {
    let allocator = new();
    // SAFETY: a block is taken, read, written to and given back with one layout.
    unsafe {
        let block = allocator.alloc_zeroed(layout(100, 4));
        assert_eq!(slice::from_raw_parts(block, 100), [0; 100]);
        fill(block, 100);
        allocator.dealloc(block, layout(100, 4));
    }
    assert_eq!(counts(&allocator), (1, 1, 0));
}

/// A block that grows or shrinks keeps its bytes and alignment, and is erased where it was.
#[test]
fn what_moves_is_erased_where_it_was() {
    for (old, new_size) in [(1, 2), (24, 25), (24, 4096), (4096, 24), (2, 1), (300, 300)] {
        let allocator = new();
        // SAFETY: each block is used with the layout that it has.
        unsafe {
            let block = allocator.alloc(layout(old, 32));
            fill(block, old);
            let moved = allocator.realloc(block, layout(old, 32), new_size);
            assert_eq!(moved.align_offset(32), 0);
            assert!(has_pattern(moved, old.min(new_size)));
            assert_eq!(counts(&allocator), (2, 1, 0), "{old} to {new_size}");
            allocator.dealloc(moved, layout(new_size, 32));
        }
        assert_eq!(counts(&allocator), (2, 2, 0), "{old} to {new_size}");
    }
}

/// When there is no memory to grow, the caller is told and keeps the block as it was.
#[test]
fn without_memory_the_old_block_stays() {
    let allocator = new();
    // SAFETY: the block keeps its layout.
    unsafe {
        let block = allocator.alloc(layout(24, 8));
        fill(block, 24);
        allocator.0.exhausted.store(true, Ordering::Relaxed);
        assert!(allocator.alloc(layout(24, 8)).is_null());
        assert!(allocator.realloc(block, layout(24, 8), 48).is_null());
        assert!(has_pattern(block, 24));
        assert_eq!(counts(&allocator), (1, 0, 0));
        allocator.dealloc(block, layout(24, 8));
    }
    assert_eq!(counts(&allocator), (1, 1, 0));
}

proptest! {
    /// However often a block changes its size, each place that it had is erased.
    #[test]
    fn every_place_of_a_growing_block_is_erased(sizes in prop::collection::vec(1_usize..600, 2..20)) {
        let allocator = new();
        let mut size = sizes[0];
        // SAFETY: the block always has the layout of the size that it was last given.
        unsafe {
            let mut block = allocator.alloc(layout(size, 8));
            fill(block, size);
            for next in &sizes[1..] {
                block = allocator.realloc(block, layout(size, 8), *next);
                prop_assert!(has_pattern(block, size.min(*next)));
                size = *next;
                fill(block, size);
            }
            allocator.dealloc(block, layout(size, 8));
        }
        prop_assert_eq!(counts(&allocator), (sizes.len(), sizes.len(), 0));
    }
}
