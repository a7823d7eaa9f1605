//! A model loaded to summarize: its own settings for that task, and how much of a text it reads at once.
//!
//! Separate because a summary is much shorter than its source, where a translation is as long. The invariant: prompt,
//! lengths and search are those that the model's files state for the task, never ours.

use super::{Engine, EngineError, EngineOptions, ModelFiles, arch, generation::GenerationConfig};

/// The task as `task_specific_params` of `config.json` names it.
const TASK: &str = "summarization";

impl Engine {
    /// Loads a model that summarizes texts of a language (ISO 639-1) in that language.
    ///
    /// What `config.json` states for the task wins over `generation_config.json`, as in transformers; a multilingual
    /// model is told the language.
    pub fn load_summarizer(files: &ModelFiles, options: &EngineOptions, language: &str) -> Result<Engine, EngineError> {
        let mut engine = Engine::load(files, options)?;
        engine.generation = GenerationConfig::read_for(files, TASK)?;
        let mut engine = engine.translating(language, language)?;
        if let Some(prompt) = arch::config::prompt(files, TASK)? {
            engine.tokenizer.prompt(&prompt);
        }
        Ok(engine)
    }

    /// Returns the most source tokens a text to summarize may have, prompt and `</s>` included.
    pub fn max_summarized_tokens(&self) -> usize {
        self.model().max_source_tokens()
    }
}
