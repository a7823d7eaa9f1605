//! The words that widgets, ribbons and notices of news pages are made of.
//!
//! Separate because this is data: a new page adds a word here, not a rule. The invariant: entries are written as
//! [`fold`](crate::article::normalize::fold) writes them, with ` | ` between, so that a look-up is an equality.

/// Returns the entries of a list.
pub fn entries(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(" | ")
}

/// Returns true where a list holds an entry.
pub fn listed(list: &'static str, entry: &str) -> bool {
    entries(list).any(|listed| listed == entry)
}

/// Labels that are a whole line, each group with the reason it is removed for.
pub const WHOLE_LINES: [(&str, &str); 12] = [
    (
        "icon name",
        "icon | icons | icone | logo | menu | search icon | search | close | play | play icon | arrow | \
         arrow right | arrow left | chevron | share icon | print icon | email icon | comment icon | image | img | \
         photo | video | svg | thumbnail | avatar | screenshot | hamburger | bookmark | user | calendar | clock",
    ),
    (
        "social network name",
        "facebook | twitter | x twitter | whatsapp | telegram | instagram | youtube | linkedin | messenger | \
         tiktok | pinterest | viber | rss | threads | snapchat | google news | فيسبوك | فيس بوك | تويتر | اكس | \
         واتساب | واتس اب | تلغرام | تيليغرام | تليجرام | انستغرام | انستقرام | انستجرام | يوتيوب | لينكد ان | \
         لينكدان | ماسنجر | تيك توك | سناب شات | فايبر | بينتريست | غوغل نيوز",
    ),
    (
        "ribbon",
        "التغطيه الحيه | تغطيه حيه | تغطيه مباشره | تغطيه مستمره | مباشر | البث المباشر | بث مباشر | عاجل | \
         خبر عاجل | اخبار عاجله | اخر الاخبار | احدث الاخبار | الاكثر قراءه | الاكثر مشاهده | الاكثر تداولا | \
         مختارات | live | breaking | breaking news | latest news | most read | trending | حصري | فيديو | بالفيديو | \
         صور | بالصور",
    ),
    (
        "font-size widget",
        "a a | aa | حجم الخط | تكبير الخط | تصغير الخط | تغيير حجم الخط | حجم النص | font size | الخط",
    ),
    (
        "share widget",
        "شارك | شاركها | شاركنا | شارك المقال | شارك الخبر | شارك هذا المقال | شارك هذا الخبر | شارك الموضوع | \
         شارك عبر | شارك علي | مشاركه | مشاركات | مشاركه المقال | مشاركه الخبر | مشاركه عبر | شير | انشر | \
         انشر الخبر | نسخ | نسخ الرابط | تم نسخ الرابط | انسخ الرابط | رابط مختصر | الرابط المختصر | رابط المقال | \
         ارسل | ارسال | ارسل لصديق | بريد الكتروني | البريد الالكتروني | ارسال عبر البريد الالكتروني | حفظ | \
         حفظ المقال | اضف الي المفضله | المفضله | استمع | استمع للمقال | استمع الي المقال | الاستماع للمقال | \
         share | shares | share this | share this article | copy link | link copied | email | save | listen | \
         اعجبني | اعجاب | like | tweet | غرد | تغريد | share via facebook | share via twitter | share via whatsapp | \
         share via telegram | share via email | copylink",
    ),
    ("reading aid", "list of items | list of | end of list | article information"),
    ("page number", "صفحه من | الصفحه من | page of"),
    ("print widget", "طباعه | اطبع | طباعه المقال | طباعه الخبر | نسخه للطباعه | print | print this page"),
    (
        "comment widget",
        "تعليق | تعليقات | التعليقات | تعليقا | اضف تعليق | اضف تعليقا | اضف تعليقك | اترك تعليقا | اترك تعليقك | \
         اكتب تعليقا | لا تعليقات | لا توجد تعليقات | لا يوجد تعليقات | تعليقات الزوار | تعليقات القراء | \
         شاهد التعليقات | اضافه تعليق جديد | شروط النشر | الاكثر ملاءمه | كل التعليقات | comments | comment | no comments | leave a comment | add a comment | الغاء الرد | \
         اترك ردا | رد",
    ),
    (
        "view count",
        "مشاهده | مشاهدات | المشاهدات | عدد المشاهدات | عدد الزيارات | عدد القراءات | قراءات | القراءات | زياره | \
         زيارات | views | view | reads",
    ),
    (
        "reading time",
        "دقيقه قراءه | دقائق قراءه | دقيقه للقراءه | دقائق للقراءه | وقت القراءه | مده القراءه | زمن القراءه | \
         وقت القراءه دقيقه | وقت القراءه دقائق | مده القراءه دقيقه | مده القراءه دقائق | زمن القراءه دقيقه | \
         زمن القراءه دقائق | القراءه في دقيقه | min read | minute read | minutes read",
    ),
    (
        "navigation label",
        "الرئيسيه | الصفحه الرئيسيه | القائمه | القائمه الرئيسيه | بحث | ابحث | البحث | تسجيل الدخول | تسجيل | \
         دخول | تسجيل الخروج | اشترك | العوده الي الاعلي | الي الاعلي | عوده | التالي | السابق | المقال السابق | \
         المقال التالي | الخبر السابق | الخبر التالي | تحميل المزيد | عرض المزيد | المزيد | عرض الكل | \
         مشاهده الكل | اغلاق | تخطي الي المحتوي | انتقل الي المحتوي | اتصل بنا | من نحن | سياسه الخصوصيه | \
         شروط الاستخدام | اعلان | اعلانات | advertisement | ads | ad | home | next | previous | back to top | \
         skip to content | قصص مقترحه | قصص مقترحه نهايه | البودكاست نهايه | login | sign in | subscribe | load more | sponsored",
    ),
];

/// Groups of [`WHOLE_LINES`] whose labels may carry a count: `12 مشاركة`, `التعليقات (3)`.
pub const COUNTED: [&str; 6] =
    ["share widget", "comment widget", "view count", "reading time", "reading aid", "page number"];

/// Labels of [`WHOLE_LINES`] that are common words too: among the paragraphs one may be an answer or a heading.
pub const EDGE_LABELS: &str =
    "رد | مباشر | حفظ | دخول | بحث | الخط | انشر | السابق | التالي | استمع | عوده | اغلاق | تسجيل";

/// Names of sections: removed only above the article.
pub const SECTIONS: &str = "اخبار | الاخبار | سياسه | السياسه | اقتصاد | الاقتصاد | رياضه | الرياضه | ثقافه | ثقافه وفن | فن | فنون | \
         مجتمع | علوم | علوم وتكنولوجيا | تكنولوجيا | تقنيه | صحه | منوعات | العالم | العالم العربي | دولي | \
         بيئه | البيئه | تقارير | تحقيقات | حوارات | عربي ودولي | عربي | محلي | محليات | اخبار محليه | اخبار عربيه | اخبار العالم | راي";

/// Reason, most words of such a line, and its openings.
pub type Notice = (&'static str, usize, &'static str);

/// Openings of notices, with the reason and the most words such a line has.
pub const NOTICES: [Notice; 7] = [
    (
        "follow-us line",
        18,
        "تابعونا علي | تابعنا علي | تابعوا صفحتنا | تابعوا قناتنا | تابعونا عبر | تابعنا عبر | تابع صفحتنا | \
         تابع قناتنا | انضموا الي قناتنا | انضم الي قناتنا | انضم لقناتنا | انضموا لقناتنا | اشترك في قناتنا | \
         اشتركوا في قناتنا | لمتابعه اخر الاخبار | يمكنكم استلام اشعارات | حمل تطبيق | حملوا تطبيق | حمل التطبيق | follow us | \
         join our channel | download our app",
    ),
    (
        "copyright line",
        18,
        "جميع الحقوق محفوظه | كل الحقوق محفوظه | الحقوق محفوظه | حقوق النشر | copyright | all rights reserved",
    ),
    (
        "tags line",
        40,
        "كلمات مفتاحيه: | الكلمات المفتاحيه: | الكلمات الدلاليه: | كلمات دلاليه: | الوسوم: | وسوم: | tags: | \
         keywords:",
    ),
    ("tags line", 1, "الوسوم | وسوم | tags"),
    ("picture credit", 8, "صدر الصوره | مصدر الصوره: | صوره من: | image source"),
    ("agency notice", 40, "الاخبار المنشوره علي الصفحه الرسميه لوكاله"),
    ("role line", 8, "role,"),
];

/// Openings of notices that could open a sentence of an article: believed only at its edges.
pub const EDGE_NOTICES: [Notice; 4] = [
    (
        "cookie notice",
        40,
        "نستخدم ملفات تعريف الارتباط | يستخدم هذا الموقع ملفات تعريف الارتباط | \
         يستخدم موقعنا ملفات تعريف الارتباط | هذا الموقع يستخدم ملفات تعريف الارتباط | باستخدامك لهذا الموقع | \
         بمواصله تصفح | we use cookies | this website uses cookies | this site uses cookies",
    ),
    (
        "newsletter notice",
        25,
        "اشترك في النشره | اشترك في نشرتنا | اشترك بالنشره | اشترك في القائمه البريديه | اشترك الان | اشترك ليصلك | \
         سجل بريدك | ادخل بريدك | احصل علي اخر الاخبار | النشره البريديه | subscribe to | sign up for | \
         get the latest",
    ),
    ("follow-us line", 9, "متابعه اخبار"),
    (
        "disclaimer",
        25,
        "التعليقات تعبر عن | التعليقات لا تعبر عن | التعليقات المنشوره لا | الاراء الوارده في | المقالات المنشوره لا | \
         المقال يعبر عن راي",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::normalize::fold;

    #[test]
    fn every_entry_is_written_as_it_is_matched() {
        let lines = WHOLE_LINES.iter().map(|(_, list)| *list);
        let notices = NOTICES.iter().chain(&EDGE_NOTICES).map(|(_, _, list)| *list);
        for entry in lines.chain(notices).chain([SECTIONS]).flat_map(entries) {
            assert_eq!(fold(entry), entry);
        }
    }
}
