//! Pictures, as numbers for SVG paths: drawn by the server, from facts alone.

use std::fmt::Write as _;

use serde::Serialize;

/// The drawing's width and height, in its own units.
const WIDTH: u64 = 320;
const HEIGHT: u64 = 100;

/// A line over time.
pub(crate) struct Line {
    /// Evenly spaced; none where nothing was measured.
    pub(crate) points: Vec<Option<u64>>,
    /// What stands at the top.
    pub(crate) top: u64,
}

impl Line {
    /// The `d` of its path: digits, spaces, `M` and `L` only. A gap in the measures is a gap in the line.
    pub(crate) fn path(&self) -> String {
        let last = (self.points.len().max(2) - 1) as u64;
        let mut path = String::new();
        let mut drawing = false;
        for (place, point) in self.points.iter().enumerate() {
            let Some(value) = point else {
                drawing = false;
                continue;
            };
            let x = place as u64 * WIDTH / last;
            let of_height = u128::from((*value).min(self.top)) * u128::from(HEIGHT);
            let y = HEIGHT - u64::try_from(of_height / u128::from(self.top.max(1))).unwrap_or(0);
            // Writing to a text cannot fail.
            let _ = write!(path, "{}{x} {y}", if drawing { "L" } else { "M" });
            drawing = true;
        }
        path
    }
}

/// A part of a bar.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: u64,
    pub(crate) width: u64,
    pub(crate) colour: usize,
}

/// Amounts side by side, of a whole that is 600 wide.
pub(crate) fn stacked(amounts: &[u64], whole: u64) -> Vec<Bar> {
    let mut sum: u64 = 0;
    let place = |n: u64| {
        let wide = u128::from(n.min(whole)) * 600 / u128::from(whole.max(1));
        u64::try_from(wide).unwrap_or(600)
    };
    let mut bars = Vec::new();
    for (colour, amount) in amounts.iter().enumerate() {
        let x = place(sum);
        sum = sum.saturating_add(*amount);
        let width = place(sum).saturating_sub(x);
        if width > 0 {
            // A hair between neighbours tells them apart without colour.
            let width = if width > 4 { width - 2 } else { width };
            bars.push(Bar {
                x,
                width,
                colour: colour % 6,
            });
        }
    }
    bars
}

/// A round number that is not below: 1, 2 or 5 and zeros.
pub(crate) fn round_up(n: u64) -> u64 {
    let mut unit: u64 = 1_000;
    loop {
        for factor in [1, 2, 5] {
            let round = unit.saturating_mul(factor);
            if round >= n {
                return round;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bars_stay_inside_their_frame() {
        let line = Line {
            points: vec![Some(0), Some(50), None, Some(1_000)],
            top: 100,
        };
        assert_eq!(line.path(), "M0 100L106 50M320 0");
        let bars = stacked(&[30, 30, 200], 100);
        assert!(bars.iter().all(|bar| bar.x + bar.width <= 600));
        assert_eq!(
            bars[0],
            Bar {
                x: 0,
                width: 178,
                colour: 0
            }
        );
        assert_eq!(round_up(0), 1_000);
        assert_eq!(round_up(1_200_000), 2_000_000);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }
}
