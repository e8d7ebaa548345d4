//! What the pages say by themselves, in the languages that they speak.
//! It does not know the shop's own texts; those come translated.

mod english;
mod korean;

use contracts::catalog::Availability;
use domain::locale::Locale;

/// Braces stand for what is only known later; see [`fill`].
#[derive(Debug)]
pub struct Words {
    // Around every page.
    pub skip: &'static str,
    pub search: &'static str,
    pub search_hint: &'static str,
    pub cart: &'static str,
    pub categories: &'static str,
    pub you_are_here: &'static str,
    pub language: &'static str,
    pub currency: &'static str,
    pub test_payments: &'static str,
    pub good_to_know: &'static str,
    pub find_order: &'static str,
    pub who_we_are: &'static str,
    pub registration: &'static str,
    pub vat_id: &'static str,
    pub to_the_shop: &'static str,
    pub all_goods: &'static str,
    pub optional: &'static str,
    // Lists.
    pub newest: &'static str,
    pub see_all: &'static str,
    pub no_goods_yet: &'static str,
    pub found_for: &'static str,
    pub nothing_found: &'static str,
    pub nothing_found_hint: &'static str,
    pub one_product: &'static str,
    pub many_products: &'static str,
    pub sort: &'static str,
    pub sort_relevance: &'static str,
    pub sort_newest: &'static str,
    pub sort_title: &'static str,
    pub sort_price_asc: &'static str,
    pub sort_price_desc: &'static str,
    pub apply: &'static str,
    pub filters: &'static str,
    pub brand: &'static str,
    pub price: &'static str,
    pub only_in_stock: &'static str,
    pub clear_filters: &'static str,
    pub chosen: &'static str,
    pub price_between: &'static str,
    pub more: &'static str,
    pub first_page: &'static str,
    pub in_stock: &'static str,
    pub few_left: &'static str,
    pub sold_out: &'static str,
    pub price_from: &'static str,
    pub not_in_currency: &'static str,
    pub before: &'static str,
    // A product.
    pub quantity: &'static str,
    pub add_to_cart: &'static str,
    pub item_number: &'static str,
    pub details: &'static str,
    pub show_choice: &'static str,
    pub not_made: &'static str,
    pub before_tax: &'static str,
    // The cart.
    pub your_cart: &'static str,
    pub cart_empty: &'static str,
    pub cart_empty_text: &'static str,
    pub was_added: &'static str,
    pub each: &'static str,
    pub update: &'static str,
    pub remove: &'static str,
    pub remove_item: &'static str,
    pub quantity_of: &'static str,
    pub checkout: &'static str,
    pub continue_shopping: &'static str,
    pub shipping_later: &'static str,
    pub problem_price: &'static str,
    pub accept_price: &'static str,
    pub problem_short: &'static str,
    pub lower_to: &'static str,
    pub problem_sold_out: &'static str,
    pub problem_unavailable: &'static str,
    pub solve_problems: &'static str,
    pub cart_was_ordered: &'static str,
    pub see_order: &'static str,
    pub cart_full: &'static str,
    pub bad_quantity: &'static str,
    pub not_added: &'static str,
    pub cart_stays: &'static str,
    // Totals.
    pub subtotal: &'static str,
    pub discount: &'static str,
    pub shipping: &'static str,
    pub tax: &'static str,
    pub fee: &'static str,
    pub total: &'static str,
    pub tax_included: &'static str,
    pub free: &'static str,
    // Checkout.
    pub your_order: &'static str,
    pub contact: &'static str,
    pub email: &'static str,
    pub email_hint: &'static str,
    pub name: &'static str,
    pub phone: &'static str,
    pub phone_hint: &'static str,
    pub delivery: &'static str,
    pub country: &'static str,
    pub line1: &'static str,
    pub line1_korea: &'static str,
    pub line2: &'static str,
    pub city: &'static str,
    pub city_korea: &'static str,
    pub region_state: &'static str,
    pub region_province: &'static str,
    pub region_korea: &'static str,
    pub region_prefecture: &'static str,
    pub postal_code: &'static str,
    pub zip_code: &'static str,
    pub postcode: &'static str,
    pub choose: &'static str,
    pub shipping_method: &'static str,
    pub no_shipping: &'static str,
    pub days_between: &'static str,
    pub days_exact: &'static str,
    pub payment: &'static str,
    pub test_succeeds: &'static str,
    pub test_declined: &'static str,
    pub test_action: &'static str,
    pub no_payment: &'static str,
    pub note: &'static str,
    pub accept_terms: &'static str,
    pub place_order: &'static str,
    pub update_totals: &'static str,
    pub secured: &'static str,
    pub totals_updated: &'static str,
    // What is wrong with a form.
    pub look_again: &'static str,
    pub required: &'static str,
    pub bad_email: &'static str,
    pub bad_phone: &'static str,
    pub too_long: &'static str,
    pub card_number: &'static str,
    pub bad_value: &'static str,
    pub not_to_country: &'static str,
    pub choose_shipping: &'static str,
    pub choose_payment: &'static str,
    pub terms_needed: &'static str,
    // Why an order did not come about.
    pub declined: &'static str,
    pub declined_text: &'static str,
    pub declined_before: &'static str,
    pub declined_before_text: &'static str,
    pub short: &'static str,
    pub short_text: &'static str,
    pub short_line: &'static str,
    pub to_the_cart: &'static str,
    pub total_changed: &'static str,
    pub total_changed_text: &'static str,
    pub out_of_date: &'static str,
    pub out_of_date_text: &'static str,
    pub was_undone: &'static str,
    pub was_undone_text: &'static str,
    pub cart_changed: &'static str,
    pub cart_changed_text: &'static str,
    pub busy: &'static str,
    pub busy_text: &'static str,
    pub busy_order_text: &'static str,
    pub try_now: &'static str,
    // An order.
    pub order: &'static str,
    pub thank_you: &'static str,
    pub thank_you_name: &'static str,
    pub state_pending: &'static str,
    pub state_action: &'static str,
    pub confirm_payment: &'static str,
    pub confirm_until: &'static str,
    pub state_confirmed: &'static str,
    pub state_unpaid: &'static str,
    pub state_partly_shipped: &'static str,
    pub state_shipped: &'static str,
    pub state_delivered: &'static str,
    pub state_refunded: &'static str,
    pub state_cancelled: &'static str,
    pub state_declined: &'static str,
    pub state_expired: &'static str,
    pub state_rejected: &'static str,
    pub test_order: &'static str,
    pub what_happened: &'static str,
    pub how_to_pay: &'static str,
    pub placed: &'static str,
    pub authorized: &'static str,
    pub confirmed: &'static str,
    pub payment_declined: &'static str,
    pub rejected: &'static str,
    pub paid: &'static str,
    pub shipped: &'static str,
    pub delivered: &'static str,
    pub refunded: &'static str,
    pub cancelled: &'static str,
    pub parcel: &'static str,
    pub sent_on: &'static str,
    pub arrived_on: &'static str,
    pub carrier: &'static str,
    pub parcel_number: &'static str,
    pub follow_parcel: &'static str,
    pub sent_to: &'static str,
    pub paid_with: &'static str,
    pub money_back: &'static str,
    pub refund_requested: &'static str,
    pub refund_done: &'static str,
    pub refund_failed: &'static str,
    pub reload: &'static str,
    pub keep_address: &'static str,
    pub erased: &'static str,
    // Finding an order.
    pub find_order_text: &'static str,
    pub order_number: &'static str,
    pub order_number_hint: &'static str,
    pub find: &'static str,
    pub no_such_order: &'static str,
    pub too_many_tries: &'static str,
    // The test bank.
    pub test_bank: &'static str,
    pub test_bank_text: &'static str,
    pub approve: &'static str,
    pub decline: &'static str,
    // When there is nothing to show.
    pub not_found: &'static str,
    pub not_found_text: &'static str,
    pub order_not_found_text: &'static str,
    pub failed: &'static str,
    pub failed_text: &'static str,
    pub not_understood: &'static str,
    pub not_understood_text: &'static str,
}

impl Words {
    pub fn of(locale: &Locale) -> &'static Words {
        match locale.language() {
            "ko" => &korean::WORDS,
            _ => &english::WORDS,
        }
    }

    pub fn left(&self, availability: Availability) -> &'static str {
        match availability {
            Availability::InStock => self.in_stock,
            Availability::FewLeft => self.few_left,
            Availability::SoldOut => self.sold_out,
        }
    }

    pub fn products(&self, count: u64) -> String {
        match count {
            1 => self.one_product.to_owned(),
            count => fill(self.many_products, &[("n", &count.to_string())]),
        }
    }
}

/// Puts values where their names stand in braces. What a value says is never looked into again.
pub fn fill(words: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(words.len() + 32);
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// What a language calls itself; its tag where nobody told us.
pub fn own_name(locale: &Locale) -> &str {
    match locale.as_str() {
        "de" => "Deutsch",
        "en" => "English",
        "es" => "Español",
        "fr" => "Français",
        "it" => "Italiano",
        "ja" => "日本語",
        "ko" => "한국어",
        "nl" => "Nederlands",
        "pl" => "Polski",
        "pt" => "Português",
        "zh" => "中文",
        tag => tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "2")]), "{b} and 2");
        assert_eq!(fill("no braces", &[]), "no braces");
    }
}
