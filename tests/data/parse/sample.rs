//! Small counters.

use std::collections::HashMap;
use std::fmt;

/// Errors of this module.
#[derive(Debug)]
pub enum Error {
    Missing(String),
    Full,
}

/// Counts words.
#[derive(Debug, Default)]
pub struct Counter<'a, T> {
    counts: HashMap<&'a str, T>,
    total: usize,
}

pub union Bits {
    int: u32,
    float: f32,
}

pub trait Count {
    const NAME: &'static str;

    /// Adds one.
    fn add(&mut self, word: &str) -> Result<(), Error>;

    fn add_all(&mut self, words: &[&str]) {
        for word in words {
            let _ = self.add(word);
        }
    }
}

impl<'a, T: Default> Counter<'a, T> {
    /// An empty counter.
    #[inline]
    pub fn new() -> Self {
        Counter { counts: HashMap::new(), total: 0 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing(word) => write!(f, "no {}", word),
            Error::Full => write!(f, "full"),
        }
    }
}

impl std::error::Error for Error {}

impl Count for String {
    const NAME: &'static str = "string";

    fn add(&mut self, word: &str) -> Result<(), Error> {
        self.push_str(word);
        Ok(())
    }
}

macro_rules! count {
    ($($x:expr),*) => {
        [$($x),*].len()
    };
}

pub type Words<'a> = Counter<'a, u32>;

/// Splits a line.
#[must_use]
pub fn split(line: &str) -> Vec<&str> {
    fn clean(word: &str) -> &str {
        word.trim()
    }
    line.split(' ').map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        assert_eq!(split("a b").len(), 2);
    }
}
