//! The BART family of encoder-decoders (Lewis et al. 2020): Marian, BART, mBART, M2M100 with NLLB, and Pegasus.
//!
//! Separate from `layers.rs` because members are told apart by their embeddings and final norms, and the family by its
//! head and its tensor names, not by its blocks. The invariant: tensors bear the names transformers saves them under.

use super::{
    DecoderState, Footprint, Row, Searched, Seq2Seq, StepOutput, Verdicts,
    config::BartConfig,
    embedding::{Embedding, Tokens},
    footprint,
    layers::{Builder, DecoderLayer, EncoderLayer},
};
use crate::engine::{
    EngineError,
    kernels::{
        attention::Heads,
        cache::{CrossMemory, Tap},
        linear::Linear,
        norm::LayerNorm,
        projection::Projection,
        sequences::{Sequences, ranges},
        step::{Caches, Size, Step, Taps},
    },
    precision::{Arithmetic, Precision},
    weights::Weights,
};
use candle_core::{Device, Tensor};

/// A model of the family, ready to run.
pub struct EncoderDecoder {
    config: BartConfig,
    device: Device,
    precision: Precision,
    source_embedding: Embedding,
    target_embedding: Embedding,
    encoder: Vec<EncoderLayer>,
    decoder: Vec<DecoderLayer>,
    /// Norms behind the last layers, where blocks do not end in one.
    final_norms: Option<(LayerNorm, LayerNorm)>,
    cross_projections: Linear,
    head: Projection,
}

impl EncoderDecoder {
    /// Builds the model from its tensors.
    pub fn load(
        config: BartConfig,
        weights: &Weights,
        device: &Device,
        arithmetic: Arithmetic,
    ) -> Result<EncoderDecoder, EngineError> {
        let builder = Builder { weights, device, arithmetic };
        let (source, target) = embedding_names(&config, weights);
        let source_table = builder.table(source, config.vocab_size, config.d_model)?;
        let target_table = match source == target {
            true => source_table.clone(),
            false => builder.table(target, config.target_vocabulary(), config.d_model)?,
        };
        let encoder = (0..config.encoder_layers).map(|index| EncoderLayer::load(&builder, index, &config));
        let decoder = (0..config.decoder_layers).map(|index| DecoderLayer::load(&builder, index, &config));
        let cross: Vec<String> = (0..config.decoder_layers)
            .flat_map(|i| ["k_proj", "v_proj"].map(|name| format!("model.decoder.layers.{i}.encoder_attn.{name}")))
            .collect();
        let final_norm = |side: &str| builder.norm(&format!("model.{side}.layer_norm"), config.d_model);
        Ok(EncoderDecoder {
            final_norms: match config.family.pre_norm {
                true => Some((final_norm("encoder")?, final_norm("decoder")?)),
                false => None,
            },
            encoder: encoder.collect::<Result<_, _>>()?,
            decoder: decoder.collect::<Result<_, _>>()?,
            cross_projections: builder.fused(&cross, config.d_model, config.d_model)?,
            head: head(&builder, &config, &target_table)?,
            source_embedding: Embedding::load(&builder, "encoder", source_table, &config)?,
            target_embedding: Embedding::load(&builder, "decoder", target_table, &config)?,
            device: device.clone(),
            precision: arithmetic.precision,
            config,
        })
    }

    /// Returns the decoder's last hidden states, (rows, d), and the attention tapped on the way.
    fn hidden(
        &self,
        step: &mut Step<'_>,
        tokens: Tokens<'_>,
        positions: &[u32],
        tap: Option<Tap>,
    ) -> Result<(Tensor, Taps), EngineError> {
        let mut x = self.target_embedding.forward(tokens, positions)?; // (rows, d)
        let mut taps = Taps::Rows(Vec::new());
        for (index, layer) in self.decoder.iter().enumerate() {
            let wanted = tap.filter(|tap| tap.layer == index).map(|tap| tap.head);
            let (output, tapped) = layer.forward(&x, step, wanted)?;
            x = output;
            if wanted.is_some() {
                taps = tapped;
            }
        }
        if let Some((_, norm)) = &self.final_norms {
            x = norm.forward(&x)?;
        }
        Ok((x, taps))
    }

    fn decoder_heads(&self) -> Heads {
        let count = self.config.decoder_attention_heads;
        Heads::new(count, self.config.d_model / count)
    }
}

/// Returns the names of the source and target embedding tensors, whichever of their aliases the file has.
fn embedding_names(config: &BartConfig, weights: &Weights) -> (&'static str, &'static str) {
    const SOURCE: &str = "model.encoder.embed_tokens.weight";
    const TARGET: &str = "model.decoder.embed_tokens.weight";
    let first = |names: &[&'static str]| {
        names.iter().find(|name| weights.contains(name)).or(names.first()).copied().unwrap_or(SOURCE)
    };
    const SHARED: &str = "model.shared.weight";
    match (config.share_encoder_decoder_embeddings, config.tie_word_embeddings) {
        // The head comes last: in converted checkpoints it is often a stale copy.
        (true, true) => {
            let shared = first(&[SHARED, SOURCE, TARGET, "lm_head.weight"]);
            (shared, shared)
        }
        // Without ties each side has a table of its own, and the shared one, if it is there, is nobody's.
        (true, false) => (first(&[SOURCE, SHARED]), first(&[TARGET, SHARED])),
        (false, true) => (SOURCE, first(&[TARGET, "lm_head.weight"])),
        (false, false) => (SOURCE, TARGET),
    }
}

/// Returns the output projection: with tied embeddings the target embedding itself, whatever the file's `lm_head.weight`
/// holds, since conversions of Marian models left stale heads behind (transformers #26216).
fn head(builder: &Builder<'_>, config: &BartConfig, target_table: &Tensor) -> Result<Projection, EngineError> {
    let vocabulary = config.target_vocabulary();
    let weight = match config.tie_word_embeddings {
        true => target_table.clone(),
        false => builder.weights.tensor("lm_head.weight", &[vocabulary, config.d_model])?,
    };
    let bias = match builder.weights.contains("final_logits_bias") {
        true => Some(builder.weights.tensor("final_logits_bias", &[1, vocabulary])?.squeeze(0)?),
        false => None,
    };
    Ok(Projection::new(&weight, bias.as_ref(), builder.device, builder.arithmetic)?)
}

impl Seq2Seq for EncoderDecoder {
    fn encode(&self, sources: &[&[u32]]) -> Result<Tensor, EngineError> {
        let sequences = Sequences::new(sources, &self.device)?;
        let tokens = sources.concat();
        let mut x = self.source_embedding.forward(Tokens::Named(&tokens), &sequences.positions())?; // (tokens, d)
        for layer in &self.encoder {
            x = layer.forward(&x, &sequences)?;
        }
        Ok(match &self.final_norms {
            Some((norm, _)) => norm.forward(&x)?,
            None => x,
        })
    }

    fn memories(&self, hidden: &Tensor, sources: &[&[u32]]) -> Result<Vec<CrossMemory>, EngineError> {
        let projections = self.cross_projections.forward(hidden)?; // (tokens, layers * 2 d)
        Ok(CrossMemory::split(&projections, &ranges(sources), self.decoder_heads(), self.precision)?)
    }

    fn state(&self, slots: usize, capacity: usize) -> DecoderState {
        let size = Size { layers: self.decoder.len(), slots, capacity };
        DecoderState(Caches::new(size, self.decoder_heads(), &self.device, self.precision))
    }

    fn step(&self, state: &mut DecoderState, rows: &[Row<'_>], tap: Option<Tap>) -> Result<StepOutput, EngineError> {
        let tokens: Vec<u32> = rows.iter().map(|row| row.token).collect();
        let positions: Vec<u32> = rows.iter().map(|row| row.lineage.len() as u32).collect();
        let (x, taps) = self.hidden(&mut state.begin(rows)?, Tokens::Named(&tokens), &positions, tap)?;
        let wanted: Vec<_> = rows.iter().map(|row| row.wanted).collect();
        Ok(StepOutput { scores: self.head.scores(&x, &wanted)?, taps: taps.rows()? })
    }

    fn search(&self, state: &mut DecoderState, sources: &[Searched<'_>], tap: Option<Tap>) -> Verdicts {
        let (mut step, begun) = state.begin_search(sources)?;
        let (x, taps) = self.hidden(&mut step, Tokens::Chosen(&begun.tokens), &begun.positions(), tap)?;
        state.advance(&begun, &self.head.reduce(&x, &begun)?, &taps)
    }

    fn footprint(&self) -> Footprint {
        let sizes = (self.config.d_model, self.config.decoder_ffn_dim, self.vocabulary());
        footprint(self.precision, self.decoder.len(), sizes)
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn vocabulary(&self) -> usize {
        self.config.target_vocabulary()
    }

    fn max_source_tokens(&self) -> usize {
        self.config.max_position_embeddings
    }

    fn max_target_tokens(&self) -> usize {
        self.config.max_position_embeddings
    }

    fn alignment_tap(&self) -> Tap {
        match self.config.family.guided_head {
            Some(head) => Tap { layer: self.config.decoder_layers - 1, head: Some(head) },
            None => super::untrained_tap(self.config.decoder_layers),
        }
    }

    fn aligns_as_input(&self) -> bool {
        self.config.family.guided_head.is_none()
    }
}
