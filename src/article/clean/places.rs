//! Names that stand in datelines: cities and countries, agencies and desks.
//!
//! Separate because it is a gazetteer, not a rule. The invariant: a name is known only as a whole, so a line with any other
//! word in it is never mistaken for a dateline.

use super::labels::listed;
use crate::article::normalize::fold;

/// Returns true for the name of a city or country that news is filed from.
pub fn is_place(name: &str) -> bool {
    let folded = fold(name);
    PLACES.iter().any(|region| listed(region, &folded))
}

/// Returns true for a news agency, a broadcaster or a desk.
pub fn is_agency(name: &str) -> bool {
    let folded = fold(name);
    let squeezed: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    let opening = folded.split_whitespace().next().unwrap_or_default();
    let words = folded.split_whitespace().count();
    listed(AGENCIES, &squeezed) || (listed(OUTLETS, opening) && (2..=5).contains(&words))
}

/// Returns true for a wire service or for reports taken from several: what only a place, never an author, stands before.
pub fn is_wire(name: &str) -> bool {
    let folded = fold(name);
    let opening = folded.split_whitespace().next().unwrap_or_default();
    is_agency(name) && listed(WIRES, opening)
}

/// Returns true for the words of a picture credit: an agency, or where pictures are found.
pub fn is_credit(name: &str) -> bool {
    let folded = fold(name);
    is_agency(name) || folded.split(|c: char| !c.is_alphanumeric()).any(|word| listed(CREDITS, word))
}

/// Words that an outlet's name opens with.
const OUTLETS: &str = "تلفزيون | قناه | وكاله | وكالات | صحيفه | جريده | موقع | شبكه | راديو | اذاعه | مراسل | مجله";

/// Words that the name of a wire service opens with.
const WIRES: &str = "وكاله | وكالات | متابعات";

const CREDITS: &str = "انترنت | الانترنت | ارشيف | ارشيفيه | الارشيف | تويتر | فيسبوك | غيتي | جيتي | getty | وسائل | متداوله | \
    متداول | internet | archive | courtesy | يوتيوب | تلغرام | انستغرام | ناشطون";

/// Written without spaces and full stops: `أ.ف.ب` and `أ ف ب` are one name.
const AGENCIES: &str = "متابعات | وكالات | وكاله | خاص | رويترز | سانا | افب | فرانسبرس | وكالهفرانسبرس | دبا | اب | اسوشيتدبرس | \
    اسوشييتدبرس | الاناضول | اناضول | واس | وام | قنا | كونا | بترا | وفا | معا | صفا | واج | وات | ومع | اشا | \
    بنا | واع | نينا | سبا | سونا | وال | شينخوا | سبوتنيك | تاس | نوفوستي | ريانوفوستي | انترفاكس | ارنا | تسنيم | \
    فارس | يونهاب | بلومبرغ | الجزيره | الجزيرهنت | العربيه | العربيهنت | سكاينيوز | سكاينيوزعربيه | بيبيسي | \
    سيانان | سيانانعربيه | روسيااليوم | الحره | العربيالجديد | القدسالعربي | الشرقالاوسط | الحياه | عنببلدي | \
    الميادين | المنار | رصد | rt | bbc | cnn | afp | reuters | ap | dpa | aa | upi | xinhua | getty";

const PLACES: [&str; 4] = [
    // The Levant and Iraq.
    "دمشق | حلب | حمص | حماه | اللاذقيه | طرطوس | ادلب | درعا | السويداء | القنيطره | الرقه | دير الزور | الحسكه | \
     القامشلي | عفرين | اعزاز | الباب | جرابلس | منبج | تدمر | ريف دمشق | ريف حلب | ريف ادلب | سوريا | سوريه | \
     بيروت | طرابلس | صيدا | صور | بعلبك | لبنان | عمان | اربد | الزرقاء | العقبه | الاردن | القدس | \
     القدس المحتله | رام الله | غزه | نابلس | الخليل | جنين | بيت لحم | فلسطين | تل ابيب | حيفا | بغداد | البصره | \
     الموصل | اربيل | كركوك | النجف | كربلاء | السليمانيه | العراق",
    // The Gulf and Yemen.
    "الرياض | جده | مكه | مكه المكرمه | المدينه المنوره | الدمام | السعوديه | ابوظبي | ابو ظبي | دبي | الشارقه | \
     الامارات | الدوحه | قطر | الكويت | المنامه | البحرين | مسقط | صنعاء | عدن | تعز | الحديده | مارب | اليمن",
    // Egypt, Sudan and the Maghreb.
    "القاهره | الاسكندريه | الجيزه | السويس | بورسعيد | مصر | الخرطوم | ام درمان | السودان | جوبا | بنغازي | \
     مصراته | سبها | طبرق | ليبيا | تونس | صفاقس | سوسه | القيروان | الجزائر | وهران | قسنطينه | الرباط | \
     الدار البيضاء | مراكش | فاس | طنجه | اكادير | المغرب | نواكشوط | موريتانيا | مقديشو | الصومال | جيبوتي",
    // Elsewhere.
    "انقره | اسطنبول | غازي عنتاب | انطاكيا | تركيا | طهران | ايران | كابول | اسلام اباد | نيودلهي | بكين | طوكيو | \
     سيول | موسكو | سوتشي | روسيا | كييف | وارسو | برلين | باريس | لندن | بروكسل | جنيف | فيينا | روما | مدريد | \
     اثينا | نيقوسيا | لاهاي | ستوكهولم | اوسلو | واشنطن | نيويورك | الامم المتحده",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::clean::labels::entries;

    #[test]
    fn every_name_is_written_as_it_is_matched() {
        for name in PLACES.into_iter().chain([AGENCIES, OUTLETS, WIRES, CREDITS]).flat_map(entries) {
            assert_eq!(fold(name), name);
        }
    }

    #[test]
    fn names_are_known_in_all_their_spellings_and_only_whole() {
        assert!(is_place("إسطنبول") && is_place("القاهرة") && !is_place("القاهرة الجديدة"));
        assert!(is_agency("أ.ف.ب") && is_agency("أ ف ب") && is_agency("AFP") && is_agency("تلفزيون الساحل"));
        assert!(!is_agency("محمد سالم") && !is_agency("تلفزيون"));
        assert!(is_credit("إنترنت") && is_credit("صورة أرشيفية") && !is_credit("نعم"));
    }
}
