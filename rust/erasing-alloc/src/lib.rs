//! An allocator that erases every block which is given back to it, for the copies of secrets that
//! other people's code leaves on the heap.
//!
//! It is a crate of its own because implementing `GlobalAlloc` is `unsafe`: this file and
//! `rust/core/src/lanes/dispatch.rs` are the only ones of the workspace that may be.

#![no_std]
#![expect(unsafe_code, reason = "every method of an allocator is unsafe to write")]

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use core::ptr;
use core::slice;

use zeroize::Zeroize;

/// Passes everything on to the allocator inside, and writes zeros over a block before it goes back.
///
/// What moves when it grows or shrinks is erased where it was. The price is one write of each block;
/// growing never happens in place, for nobody outside an allocator knows what it would leave behind.
pub struct Erasing<A>(pub A);

// SAFETY: blocks come from the allocator inside, with the layout that was asked for, and go back to
// it with that layout and before anything else may use them. Nothing here panics or unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Erasing<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the same inside.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same inside.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of this layout, so all its bytes may be written and
        // nobody else refers to them. They may never have been written to: hence `MaybeUninit`.
        let bytes =
            unsafe { slice::from_raw_parts_mut(block.cast::<MaybeUninit<u8>>(), layout.size()) };
        // What removes dead writes does not remove these: zeroize keeps that promise.
        bytes.zeroize();
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same inside.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the alignment is one of an existing layout; that the new size, rounded up to it,
        // fits in an `isize` is in the contract of `realloc`.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the new size is not zero, says the contract of `realloc`.
        let moved = unsafe { self.0.alloc(new_layout) };
        // Without memory the old block stays the caller's, as it was.
        if !moved.is_null() {
            // SAFETY: both blocks have as many bytes, and a new block overlaps no other.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size)) };
            // SAFETY: the caller's block is of this layout, and is not used after a success.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}
