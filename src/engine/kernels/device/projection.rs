//! The output projection on a device: scores stay there, and what search asks for is copied to the host.
//!
//! Separate from `linear.rs` because the scores are in f32 whatever the weights are, so that beams are told apart, and
//! because of the reduction behind it. The invariant: `top` gives the lower token first among equals.

use super::search::{Begun, Plan};
use crate::engine::kernels::projection::{Best, Scores, Wanted};
use candle_core::{D, DType, Device, Result, Tensor};

/// A linear layer over the vocabulary.
#[derive(Debug)]
pub struct Projection {
    /// (d, vocabulary)
    weight: Tensor,
    /// (vocabulary) in f32
    bias: Option<Tensor>,
}

/// What to take from each row of scores.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// How many of the best.
    pub count: usize,
    /// Tokens that may not come, (rows, tokens) in u32; the size of the vocabulary, or more, stands for none.
    pub ruled_out: Option<&'a Tensor>,
}

/// What a search on the device wants of the rows of a step.
#[derive(Debug)]
pub struct Reduced {
    /// Totals and best scores, see `top`.
    pub best: Tensor,
    /// The scores of the tokens that are forced, (rows, tokens), where some are.
    pub forced: Option<Tensor>,
}

impl Projection {
    /// Returns a projection of a weight (vocabulary, d) and a bias (vocabulary) on a device, its weight in this type.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, device: &Device, dtype: DType) -> Result<Projection> {
        let weight = weight.t()?.contiguous()?.to_dtype(dtype)?.to_device(device)?;
        Ok(Projection { weight, bias: bias.map(|bias| bias.to_device(device)).transpose()? })
    }

    /// Returns the scores that each row of `hidden`, (rows, d), wants.
    pub fn scores(&self, hidden: &Tensor, wanted: &[&Wanted]) -> Result<Vec<Scores>> {
        let scores = wide_product(hidden, &self.weight)?; // (rows, vocabulary) in f32, without the bias
        let mut best = self.best(&scores, wanted)?.into_iter();
        let mut whole = self.whole(&scores, wanted)?.into_iter();
        let take = |wanted: &&Wanted| match wanted {
            Wanted::All => whole.next().map(Scores::All),
            Wanted::Best(_) => best.next(),
        };
        Ok(wanted.iter().filter_map(take).collect())
    }

    /// Returns what the searches of a step want of the scores of `hidden`, (rows, d); it stays on the device.
    pub fn reduce(&self, hidden: &Tensor, begun: &Begun) -> Result<Reduced> {
        reduce(&wide_product(hidden, &self.weight)?, self.bias.as_ref(), &begun.plan)
    }

    /// Returns every score of the rows that want all.
    fn whole(&self, scores: &Tensor, wanted: &[&Wanted]) -> Result<Vec<Vec<f32>>> {
        let rows = places(wanted, |wanted| matches!(wanted, Wanted::All));
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        with_bias(&select(scores, &rows)?, self.bias.as_ref())?.to_vec2()
    }

    /// Returns the best scores of the other rows.
    fn best(&self, scores: &Tensor, wanted: &[&Wanted]) -> Result<Vec<Scores>> {
        let rows = places(wanted, |wanted| matches!(wanted, Wanted::Best(_)));
        let asked: Vec<&Best> = wanted.iter().filter_map(|wanted| wanted.best()).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let longest = asked.iter().map(|best| best.apart().len()).max().unwrap_or(0);
        let none = scores.dim(1)? as u32;
        let padded = |best: &&Best| {
            let known = best.apart().to_vec().into_iter().map(move |token| token.min(none));
            known.chain(std::iter::repeat(none)).take(longest)
        };
        let ruled_out: Vec<u32> = asked.iter().flat_map(padded).collect();
        let ruled_out = match longest {
            0 => None,
            _ => Some(Tensor::from_vec(ruled_out, (asked.len(), longest), scores.device())?),
        };
        let count = asked.iter().map(|best| best.count).max().unwrap_or(0);
        let reduced = top(&select(scores, &rows)?, self.bias.as_ref(), Asked { count, ruled_out: ruled_out.as_ref() })?;
        let rows = reduced.to_vec2::<f32>()?;
        Ok(rows.iter().zip(asked).map(|(row, best)| unpack(row, count, best)).collect())
    }
}

/// Returns what a step's plan asks of `scores + bias`.
pub(super) fn reduce(scores: &Tensor, bias: Option<&Tensor>, plan: &Plan) -> Result<Reduced> {
    let ruled_out = plan.ruled_out_of_totals()?;
    let best = top(scores, bias, Asked { count: plan.count, ruled_out: ruled_out.as_ref() })?;
    let forced = match plan.forced_tokens()? {
        None => None,
        Some(tokens) => {
            let forced = scores.gather(&tokens, 1)?;
            let biases = bias.map(|bias| bias.index_select(&tokens.flatten_all()?, 0)?.reshape(tokens.shape()));
            Some(biases.transpose()?.map_or_else(|| Ok(forced.clone()), |biases| &forced + biases)?)
        }
    };
    Ok(Reduced { best, forced })
}

/// Returns the places of the rows that want this.
fn places(wanted: &[&Wanted], this: impl Fn(&Wanted) -> bool) -> Vec<u32> {
    wanted.iter().enumerate().filter(|(_, wanted)| this(wanted)).map(|(row, _)| row as u32).collect()
}

/// Returns the rows of these places; all of them as they are.
fn select(scores: &Tensor, rows: &[u32]) -> Result<Tensor> {
    if rows.len() == scores.dim(0)? {
        return Ok(scores.clone());
    }
    scores.index_select(&Tensor::new(rows, scores.device())?, 0)
}

fn with_bias(scores: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    bias.map_or_else(|| Ok(scores.clone()), |bias| scores.broadcast_add(bias))
}

/// Reads one row of what `top` returns.
pub(super) fn unpack(row: &[f32], count: usize, wanted: &Best) -> Scores {
    let (values, tokens) = row[2..].split_at(count);
    let best = tokens.iter().zip(values).take(wanted.count).map(|(token, value)| (*token as u32, *value)).collect();
    Scores::Best { best, total: row[0], remaining: row[1] }
}

/// Returns the product of `hidden`, (rows, d), and `weight`, (d, vocabulary), in f32 whatever their type.
fn wide_product(hidden: &Tensor, weight: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if hidden.dtype() != DType::F32 && super::cuda::usable(hidden.device()) {
        return super::cuda::wide_product(hidden, weight);
    }
    plain_wide_product(hidden, weight)
}

/// The same in plain tensor operations.
pub(super) fn plain_wide_product(hidden: &Tensor, weight: &Tensor) -> Result<Tensor> {
    hidden.to_dtype(DType::F32)?.matmul(&weight.to_dtype(DType::F32)?)
}

/// Returns for each row of `scores + bias`: ln(sum of e^score), the same without the tokens ruled out, the best scores and
/// their tokens; all in f32, (rows, 2 + 2 count). Tokens are below 2^24 and so exact.
fn top(scores: &Tensor, bias: Option<&Tensor>, asked: Asked<'_>) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if super::cuda::usable(scores.device()) {
        return super::cuda::top(scores, bias, asked);
    }
    plain_top(scores, bias, asked)
}

/// The same in plain tensor operations: the largest is taken and ruled out, as often as scores are wanted.
pub(super) fn plain_top(scores: &Tensor, bias: Option<&Tensor>, asked: Asked<'_>) -> Result<Tensor> {
    let scores = with_bias(scores, bias)?;
    let total = scores.log_sum_exp(D::Minus1)?.unsqueeze(1)?;
    let remaining = match asked.ruled_out {
        Some(tokens) => without(&scores, tokens)?.log_sum_exp(D::Minus1)?.unsqueeze(1)?,
        None => total.clone(),
    };
    let (mut values, mut tokens, rest) = (vec![total, remaining], Vec::new(), scores.copy()?);
    let ruled_out = Tensor::full(f32::NEG_INFINITY, (scores.dim(0)?, 1), scores.device())?;
    for _ in 0..asked.count {
        let token = rest.argmax_keepdim(D::Minus1)?; // (rows, 1)
        values.push(rest.gather(&token, 1)?);
        rest.scatter_set(&token, &ruled_out, 1)?;
        tokens.push(token.to_dtype(DType::F32)?);
    }
    values.append(&mut tokens);
    Tensor::cat(&values, 1)
}

/// Returns scores with minus infinity for tokens, (rows, tokens), and in a last column, the token that stands for none.
fn without(scores: &Tensor, tokens: &Tensor) -> Result<Tensor> {
    let rows = scores.dim(0)?;
    let lowest = |columns| Tensor::full(f32::NEG_INFINITY, (rows, columns), scores.device());
    let allowed = Tensor::cat(&[scores, &lowest(1)?], 1)?;
    let none = Tensor::full(scores.dim(1)? as u32, tokens.shape(), scores.device())?;
    allowed.scatter_set(&tokens.minimum(&none)?.contiguous()?, &lowest(tokens.dim(1)?)?, 1)?;
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        kernels::projection as host,
        precision::{Arithmetic, Precision},
    };

    #[test]
    fn each_row_gets_what_it_wants_as_from_the_packed_projection() {
        let random = |shape: &[usize]| Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        let (weight, bias, hidden) = (random(&[903, 20]), random(&[903]), random(&[5, 20]));
        let best =
            |count, ruled_out: &[u32]| Wanted::Best(Best { count, ruled_out: ruled_out.to_vec(), renormalized: true });
        let wanted = [Wanted::All, best(3, &[]), best(8, &[7, 900]), Wanted::All, best(1, &[3])];
        let wanted: Vec<&Wanted> = wanted.iter().collect();
        let exact = Arithmetic::new(Precision::F32, true);
        let packed = host::Projection::new(&weight, Some(&bias), &Device::Cpu, exact).unwrap();
        let device = Projection::new(&weight, Some(&bias), &Device::Cpu, DType::F32).unwrap();
        let want = packed.scores(&hidden, &wanted).unwrap();
        for (got, want) in device.scores(&hidden, &wanted).unwrap().into_iter().zip(want) {
            let (got, want) = (flat(got), flat(want));
            assert_eq!(got.0, want.0);
            assert!(got.1.len() == want.1.len() && got.1.iter().zip(want.1).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }

    fn flat(scores: Scores) -> (Vec<u32>, Vec<f32>) {
        match scores {
            Scores::All(row) => (Vec::new(), row),
            Scores::Best { best, total, remaining } => {
                let (tokens, values): (Vec<_>, Vec<_>) = best.into_iter().unzip();
                (tokens, [values, vec![total, remaining]].concat())
            }
        }
    }

    #[test]
    fn equal_scores_go_to_the_lower_token() {
        let scores = Tensor::new(&[[1f32, 5.0, 5.0, 2.0, 5.0]], &Device::Cpu).unwrap();
        let got = plain_top(&scores, None, Asked { count: 3, ruled_out: None }).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(got[0][5..], [1.0, 2.0, 4.0]);
    }

    #[test]
    fn what_remains_is_known_beside_a_token_that_has_nearly_all() {
        let scores = Tensor::new(&[[1f32, 200.0, 2.0], [1.0, 1.0, 1.0]], &Device::Cpu).unwrap();
        let ruled_out = Tensor::new(&[[1u32, 3], [3, 3]], &Device::Cpu).unwrap();
        let got = plain_top(&scores, None, Asked { count: 1, ruled_out: Some(&ruled_out) }).unwrap();
        let got = got.to_vec2::<f32>().unwrap();
        assert_eq!(got[0][0], 200.0);
        assert!((got[0][1] - (1f32.exp() + 2f32.exp()).ln()).abs() < 1e-6, "{:?}", got[0]);
        assert_eq!(got[1][0], got[1][1]);
    }
}
