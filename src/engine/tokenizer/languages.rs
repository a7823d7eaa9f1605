//! Languages as multilingual models name them: from ISO 639-1 to each family's tokens, and where the tokens go.
//!
//! Separate because the names are facts of the models, and users know none of them. The invariant: a model that has
//! language tokens gets those of the languages asked for, or an error that says which it lacks.

use super::special::TokenizerConfig;
use crate::engine::EngineError;

/// The languages of mBART-50 in the order of their ids; the first 25 are those of the first mBART.
const MBART: &str = "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV \
    my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK \
    ml_IN mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI";

/// The languages of M2M100 in the order of their ids.
const M2M100: &str = "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he \
    hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps \
    pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu";

/// Those of the models of that family which took part in WMT 2021.
const WMT21: &str = "en ha is ja cs ru zh de";

/// NLLB's name of each language of ISO 639-1 that it knows; of macrolanguages the most usual member and script.
const NLLB: &str = "af afr_Latn ak aka_Latn am amh_Ethi ar arb_Arab as asm_Beng ay ayr_Latn az azj_Latn ba bak_Cyrl \
    be bel_Cyrl bg bul_Cyrl bm bam_Latn bn ben_Beng bo bod_Tibt bs bos_Latn ca cat_Latn cs ces_Latn cy cym_Latn da \
    dan_Latn de deu_Latn dz dzo_Tibt ee ewe_Latn el ell_Grek en eng_Latn eo epo_Latn es spa_Latn et est_Latn eu \
    eus_Latn fa pes_Arab ff fuv_Latn fi fin_Latn fj fij_Latn fo fao_Latn fr fra_Latn ga gle_Latn gd gla_Latn gl \
    glg_Latn gn grn_Latn gu guj_Gujr ha hau_Latn he heb_Hebr hi hin_Deva hr hrv_Latn ht hat_Latn hu hun_Latn hy \
    hye_Armn id ind_Latn ig ibo_Latn is isl_Latn it ita_Latn ja jpn_Jpan jv jav_Latn ka kat_Geor kg kon_Latn ki \
    kik_Latn kk kaz_Cyrl km khm_Khmr kn kan_Knda ko kor_Hang kr knc_Latn ks kas_Arab ku kmr_Latn ky kir_Cyrl lb \
    ltz_Latn lg lug_Latn li lim_Latn ln lin_Latn lo lao_Laoo lt lit_Latn lv lvs_Latn mg plt_Latn mi mri_Latn mk \
    mkd_Cyrl ml mal_Mlym mn khk_Cyrl mr mar_Deva ms zsm_Latn mt mlt_Latn my mya_Mymr nb nob_Latn ne npi_Deva nl \
    nld_Latn nn nno_Latn no nob_Latn ny nya_Latn oc oci_Latn om gaz_Latn or ory_Orya pa pan_Guru pl pol_Latn ps \
    pbt_Arab pt por_Latn qu quy_Latn rn run_Latn ro ron_Latn ru rus_Cyrl rw kin_Latn sa san_Deva sc srd_Latn sd \
    snd_Arab sg sag_Latn si sin_Sinh sk slk_Latn sl slv_Latn sm smo_Latn sn sna_Latn so som_Latn sq als_Latn sr \
    srp_Cyrl ss ssw_Latn st sot_Latn su sun_Latn sv swe_Latn sw swh_Latn ta tam_Taml te tel_Telu tg tgk_Cyrl th \
    tha_Thai ti tir_Ethi tk tuk_Latn tl tgl_Latn tn tsn_Latn tr tur_Latn ts tso_Latn tt tat_Cyrl tw twi_Latn ug \
    uig_Arab uk ukr_Cyrl ur urd_Arab uz uzn_Latn vi vie_Latn wo wol_Latn xh xho_Latn yi ydd_Hebr yo yor_Latn zh \
    zho_Hans zu zul_Latn";

/// The scripts of NLLB's other languages, for one that is written in two the likelier first.
const SCRIPTS: [&str; 8] = ["Arab", "Latn", "Deva", "Cyrl", "Beng", "Tfng", "Mymr", "Hant"];

/// Codes that name the same language, or one for which the other stands in: today's first.
const SAME: [(&str, &str); 6] = [("he", "iw"), ("jv", "jw"), ("nb", "no"), ("id", "in"), ("yi", "ji"), ("tl", "fil")];

/// ISO 639-3 codes of macrolanguages, which OPUS-MT uses where NLLB names a member.
const MACROLANGUAGES: [(&str, &str); 14] = [
    ("ar", "ara"),
    ("az", "aze"),
    ("et", "est"),
    ("fa", "fas"),
    ("ku", "kur"),
    ("lv", "lav"),
    ("mg", "mlg"),
    ("mn", "mon"),
    ("ms", "msa"),
    ("no", "nor"),
    ("ps", "pus"),
    ("sq", "sqi"),
    ("sw", "swa"),
    ("zh", "zho"),
];

/// Returns the languages of an mBART with a vocabulary of this size, in the order of their ids.
pub(super) fn mbart(vocabulary: usize) -> impl Iterator<Item = &'static str> {
    // 250,001 pieces and marks, the languages and the mask: the first version has 25 languages, the second 52.
    let first_version = (1..250_030).contains(&vocabulary);
    MBART.split_whitespace().take(if first_version { 25 } else { 52 })
}

/// Returns the languages of an M2M100 in the order of their ids; `set` is what the tokenizer's files call them.
pub(super) fn m2m100(set: Option<&str>) -> impl Iterator<Item = &'static str> {
    if set == Some("wmt21") { WMT21 } else { M2M100 }.split_whitespace()
}

/// Returns true for `ar_AR` and `arb_Arab`.
pub(super) fn is_code_with_place(token: &str) -> bool {
    let lower = |part: &str| (2..=3).contains(&part.len()) && part.chars().all(|c| c.is_ascii_lowercase());
    let place = |part: &str| {
        (part.len() == 2 || part.len() == 4) && part.starts_with(|c: char| c.is_ascii_uppercase()) && part.is_ascii()
    };
    token.split_once('_').is_some_and(|(language, rest)| lower(language) && place(rest))
}

/// How a model is told the languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Ids before and behind those of the text, the end of sentence among them.
    Ids { before: Vec<u32>, behind: Vec<u32> },
    /// Text before the text.
    Text(String),
}

/// What a pair of languages asks of decoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Direction {
    /// The first token of every output.
    pub forced_bos: Option<u32>,
    /// The token that outputs start from.
    pub decoder_start: Option<u32>,
}

/// A family's way to name languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Nllb,
    M2m100,
    Mbart,
    Mbart50,
    Madlad,
    Marian,
}

/// Returns how to frame texts from `source` to `target`, by the tokens that `token` finds; `None` where the model has none.
pub(super) fn frame(
    token: &dyn Fn(&str) -> Option<u32>,
    eos: u32,
    config: &TokenizerConfig,
    source: &str,
    target: &str,
) -> Result<Option<(Frame, Direction)>, EngineError> {
    let Some(style) = style(token) else { return Ok(None) };
    let find = |language: &str| {
        let found = names(style, language).into_iter().find_map(|name| token(&name).map(|id| (name, id)));
        found.ok_or_else(|| {
            EngineError::Unsupported(format!(
                "the model has no token for the language {language}: choose another model"
            ))
        })
    };
    let forced = |id| Direction { forced_bos: Some(id), decoder_start: None };
    Ok(match style {
        Style::Marian => find(target).ok().map(|(name, _)| (Frame::Text(format!("{name} ")), Direction::default())),
        Style::Madlad => Some((Frame::Text(format!("{} ", find(target)?.0)), Direction::default())),
        Style::Mbart => {
            let frame = Frame::Ids { before: Vec::new(), behind: vec![eos, find(source)?.1] };
            Some((frame, Direction { forced_bos: None, decoder_start: Some(find(target)?.1) }))
        }
        Style::Nllb if config.language_last() => {
            let frame = Frame::Ids { before: Vec::new(), behind: vec![eos, find(source)?.1] };
            Some((frame, forced(find(target)?.1)))
        }
        Style::Nllb | Style::M2m100 | Style::Mbart50 => {
            let frame = Frame::Ids { before: vec![find(source)?.1], behind: vec![eos] };
            Some((frame, forced(find(target)?.1)))
        }
    })
}

/// Returns the way of the model whose tokens these are; English is in all of them.
fn style(token: &dyn Fn(&str) -> Option<u32>) -> Option<Style> {
    let has = |name: &str| token(name).is_some();
    let known = [
        ("eng_Latn", Style::Nllb),
        ("__en__", Style::M2m100),
        ("he_IL", Style::Mbart50),
        ("en_XX", Style::Mbart),
        ("<2en>", Style::Madlad),
        // Only its target languages are there, so that any may be missing.
        (">>eng<<", Style::Marian),
        (">>ara<<", Style::Marian),
        (">>fra<<", Style::Marian),
        (">>deu<<", Style::Marian),
        (">>en<<", Style::Marian),
        (">>fr<<", Style::Marian),
    ];
    known.into_iter().find(|(name, _)| has(name)).map(|(_, style)| style)
}

/// Returns the names a language may have, the likeliest first; a model's own name is a name too.
fn names(style: Style, language: &str) -> Vec<String> {
    let other = SAME.iter().find_map(|(a, b)| match language {
        _ if language == *a => Some(*b),
        _ if language == *b => Some(*a),
        _ => None,
    });
    let codes = [Some(language), other];
    codes.into_iter().flatten().flat_map(|code| names_of(style, code)).collect()
}

fn names_of(style: Style, code: &str) -> Vec<String> {
    let nllb = || {
        let mut words = NLLB.split_whitespace();
        std::iter::from_fn(|| Some((words.next()?, words.next()?))).find(|(iso, _)| *iso == code).map(|(_, name)| name)
    };
    match style {
        Style::Nllb => match nllb() {
            Some(name) => vec![name.to_owned()],
            // A code of three letters (`apc`, `ckb`) lacks but the script.
            None if code.len() == 3 => SCRIPTS.iter().map(|script| format!("{code}_{script}")).collect(),
            None => vec![code.to_owned()],
        },
        Style::M2m100 => vec![format!("__{code}__")],
        Style::Mbart | Style::Mbart50 => {
            let own = MBART.split_whitespace().find(|name| name.split('_').next() == Some(code));
            vec![own.unwrap_or(code).to_owned()]
        }
        Style::Madlad => vec![format!("<2{code}>")],
        Style::Marian => {
            let member = nllb().and_then(|name| name.split('_').next());
            let whole = MACROLANGUAGES.iter().find(|(iso, _)| *iso == code).map(|(_, name)| *name);
            [whole, member, Some(code)].into_iter().flatten().map(|name| format!(">>{name}<<")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(tokens: &[&str], source: &str, target: &str) -> Result<Option<(Frame, Direction)>, EngineError> {
        let token = |name: &str| tokens.iter().position(|token| *token == name).map(|at| at as u32 + 10);
        frame(&token, 2, &TokenizerConfig::default(), source, target)
    }

    #[test]
    fn arabic_to_french_is_written_as_each_family_does() {
        let ids = |before: &[u32], behind: &[u32]| Frame::Ids { before: before.into(), behind: behind.into() };
        let forced = Direction { forced_bos: Some(12), decoder_start: None };
        for tokens in
            [["eng_Latn", "arb_Arab", "fra_Latn"], ["__en__", "__ar__", "__fr__"], ["he_IL", "ar_AR", "fr_XX"]]
        {
            assert_eq!(framed(&tokens, "ar", "fr").unwrap(), Some((ids(&[11], &[2]), forced)), "{tokens:?}");
        }
        let start = Direction { forced_bos: None, decoder_start: Some(12) };
        assert_eq!(framed(&["en_XX", "ar_AR", "fr_XX"], "ar", "fr").unwrap(), Some((ids(&[], &[2, 11]), start)));
        let text = |text: &str| Some((Frame::Text(text.to_owned()), Direction::default()));
        assert_eq!(framed(&["<2en>", "<2fr>"], "ar", "fr").unwrap(), text("<2fr> "));
        assert_eq!(framed(&[">>eng<<", ">>fra<<"], "ar", "fr").unwrap(), text(">>fra<< "));
        assert_eq!(framed(&["</s>"], "ar", "fr").unwrap(), None);
    }

    #[test]
    fn a_language_the_model_lacks_is_named_and_an_older_code_is_found() {
        let error = framed(&["__en__", "__ar__"], "ar", "fr").unwrap_err().to_string();
        assert!(error.contains("no token for the language fr"), "{error}");
        assert!(framed(&["<2en>", "<2iw>"], "ar", "he").is_ok());
        for name in ["arz_Arab", "arz"] {
            assert!(framed(&["eng_Latn", "arz_Arab"], name, "en").is_ok(), "{name}");
        }
    }

    #[test]
    fn the_tables_hold_as_many_languages_as_the_models() {
        assert_eq!((mbart(250_054).count(), mbart(250_027).count()), (52, 25));
        assert_eq!((m2m100(None).count(), m2m100(Some("wmt21")).count()), (100, 8));
        assert!(mbart(0).all(is_code_with_place) && is_code_with_place("arb_Arab") && !is_code_with_place("<mask>"));
        let words: Vec<_> = NLLB.split_whitespace().collect();
        assert!(words.chunks(2).all(|pair| pair[0].len() == 2 && is_code_with_place(pair[1])));
    }
}
