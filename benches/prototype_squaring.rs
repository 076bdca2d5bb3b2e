// Not a program: `against_prototype.py` puts this in the place of the prototype's `main`.

unsafe fn squaring<const B: usize, const K: usize>(bits: usize) {
    let n = [_mm512_set1_epi64(0xfedcba987654f); 40];
    let n_inv = _mm512_set1_epi64((inverse(0xfedcba987654f).wrapping_neg() & MASK52) as i64);
    let (mut x, mut t) = ([_mm512_set1_epi64(0x123456789abcd); 40], [_mm512_setzero_si512(); 82]);
    let mut times: Vec<f64> = (0..21).map(|_| {
        let start = Instant::now();
        for _ in 0..4000 {
            square::<B, K>(x.as_mut_ptr(), n.as_ptr(), n_inv, _mm512_set1_epi64(1), t.as_mut_ptr());
        }
        start.elapsed().as_secs_f64() * 1e9 / 4000.0
    }).collect();
    times.sort_by(f64::total_cmp);
    println!("squaring {bits}: min {:.0} ns, median {:.0} ns", times[0], times[10]);
}
fn main() {
    unsafe { squaring::<10, 2>(1024); squaring::<10, 3>(1536); squaring::<10, 4>(2048); }
}
