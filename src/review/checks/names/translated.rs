//! English words with a capital that Arabic does not write by their sound.
//!
//! Separate because it is data. The invariant: lower case, white space between words; a star stands for any ending.

/// Peoples, places, faiths, times, offices, bodies, and what else names are made of and is translated.
pub(super) const TRANSLATED: &str = "\
baltic dane* flemish genoa medina nordic norse oman* pole* welsh arctic cape emirates north* south* east*
west* central scandinavia* allah bible church easter god gospel noah pope prophet saint* testament earth moon
mars venus jupiter saturn mercury milky sun ages middle bronze iron stone age renaissance revolution*
enlightenment january february march april may june july august september october november december monday*
tuesday* wednesday* thursday* friday* saturday* sunday* ramadan summer winter spring autumn zero one two three
four five first second third new old great* grand upper lower royal high free united kingdom states state
republic* democrat* union empire nation* federa* commonwealth dynasty world international global general
public civil social* communist* labour labor liberal* conservative* green* national* allied allies axis cold
battle academ* act administration affairs agency agreement air* ambassador appeal* archbishop army assembly
associat* authorit* award* baby bank base basin bay beach bishop black blue board border bridge broadcast*
brother* building bureau business cabinet canal canyon captain castle cathedral cent* chairman chamber
champion* chancellor chief cinema* circuit city climate club coast* code college colonel colony command*
commerce commission* committee communit* company conference congress* constitution* convention corporation
corps council county court crown culture* cup daily day declaration defen* delta department desert development
director* district division doctor duke earl economic* education* eight* election* elementary emergency
emperor energy engineer* environment* eve exchange executive exhibition fair fall* father festival field*
film* final* fire fleet flight food football force* foreign forest forum foundation fund galaxy gallery game*
garden* gate* geolog* globe gold* governor government guard* gulf hall harbor harbour head* health heritage
highway hill* histor* holy home* homeland horn hospital hotel house* hurricane independen* information inquiry
institut* intelligence internet island* journal judge justice king* knight* lady lake land* language* law*
leader league library lieutenant life light* line* lion* local lord* magazine major management marine* market
master* mayor medal* media medic* meteorolog* military million minist* miss mission monument morning mosque
mother mount* museum music* native* nature naval navy network news night nobel ocean* office* official open
opera opposition order organi* palace park* parliament* party pass peace peninsula people* phone plain*
planet* plaza point police policy politic* pool port post power premier president* press prime prince*
princess* prison prize professor program* project province queen* radio rail* rebel* red region*
representative* rescue research reserve resolution river* road rock* route ruins school* scien* scout* screen
sea season secretary secur* senat* senior service* ship shuttle side silver sister* society solar space sport*
square stadium standard star* station street studio* study super* supreme survey team* technolog* telegraph
television temple theatre theater theory times tower* town trade transport* treasury treaty tree triangle
tribune tropical trust tunnel university valley vice village wall water* white wild* wind* wing wom* wood*
work* year* youth sir mister mrs they there this that when what with from your have will team game human* bill
rights report* group rooms room clay beauty days show drivers driver category agents agent planned whirling
family botanic conservation succession deficit tenth colonels mystic ferry check wide exposition horticultural
never hemisphere picchu preliminary pipeline sixth seventh ninth twelfth crusade* pharaoh* civilization* cave*
creek cove crater dam dome fortress fort ghost gorge grove holiday* hour inner jungle junior mill minute*
mountain* outer pier pilgrim* plateau reef ridge rim shore strait* stream summit tail terminal tour* trail
track volcano* waterfall* west wolf young elder brother uncle angel* saint heaven hell devil love money death
blood heart eye* hand* true false
judiciar* elector* member* weather fashion christmas class* channel industr* athletic* cancer custom* consumer interior
internal monitor* metropolitan natural artificial next advanced project* challenge* reverend magistrate* update*
tide* today children vision survivor* parts church* methodist* episcopal* presiding inspector* veteran* habitat*
evil trooper* voter* facilit* support* analyst* arena member* honour* honor* detective* sergeant* deputy deput*
attorney* prosecutor* defender* tory tories majesty highness excellency prof doctor* nurse* foreign* ministr*
dark bright big small long short lost last best better good bad dead alive";
