//! What a list of measured values comes to.

use std::fmt;

/// Printed with everything that a figure needs: mean, standard error, median, count.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// The arithmetic mean.
    pub mean: f64,
    /// Of the mean; not a number for a single value.
    pub standard_error: f64,
    /// The middle value.
    pub median: f64,
    /// How many values there were.
    pub count: usize,
}

impl Summary {
    /// Of at least one value.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 values")]
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            mean,
            standard_error: (squares / (count - 1.0) / count).sqrt(),
            median: sorted[sorted.len() / 2],
            count: values.len(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, standard_error, median, count } = self;
        write!(f, "{mean:.3} ± {standard_error:.3} (median {median:.3}, {count} samples)")
    }
}
