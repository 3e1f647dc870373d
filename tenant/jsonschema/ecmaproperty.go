package jsonschema

import (
	"strings"
	"unicode"
)

// binaryProperties are the properties of ECMA-262 that are neither categories
// nor scripts.
const binaryProperties = ` ASCII ASCII_Hex_Digit AHex Alphabetic Alpha Any Assigned Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL Changes_When_NFKC_Casefolded CWKCF Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji Emoji_Component EComp Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext Hex_Digit Hex IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS Ideographic Ideo Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI Sentence_Terminal STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS `

// unicodeProperty returns the name that package regexp has for the content of
// \p{ … }: "" where it has none. Names are case-sensitive in ECMA-262.
func unicodeProperty(name string) (re2 string, valid bool) {
	property, value, given := strings.Cut(name, "=")
	if !given {
		if re2, ok := category(name); ok {
			return re2, true
		}
		switch name {
		case "Any", "ASCII", "Assigned":
			return name, true
		}
		return "", name != "" && !strings.Contains(name, " ") && strings.Contains(binaryProperties, " "+name+" ")
	}
	switch property {
	case "General_Category", "gc":
		return category(value)
	case "Script", "sc":
		if _, ok := unicode.Scripts[value]; ok {
			return value, true
		}
		return "", value != ""
	case "Script_Extensions", "scx":
		return "", value != ""
	}
	return "", false
}

func category(name string) (re2 string, valid bool) {
	if _, ok := unicode.Categories[name]; ok {
		return name, true
	}
	re2, valid = unicode.CategoryAliases[name]
	return re2, valid
}
