//! Chance that can be had again: a small generator with a seed (xorshift64*).

/// A generator.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        // A seed of few bits is spread first; zero would stay zero for ever.
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            chance.draw();
        }
        chance
    }

    /// From a seed and words: what one thing meets does not depend on the order in which others draw.
    pub fn keyed(seed: u64, key: &str, count: u64) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in key.bytes().chain(count.to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self::new(hash)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.draw() >> 16) % end.max(1)
    }

    /// True `mille` times in a thousand.
    pub fn per_mille(&mut self, mille: u64) -> bool {
        self.below(1_000) < mille
    }

    /// One of some.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let end = u64::try_from(all.len()).unwrap_or(u64::MAX);
        &all[usize::try_from(self.below(end)).unwrap_or(0)]
    }
}
