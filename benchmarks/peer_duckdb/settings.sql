-- The words of the wire contract and the spelling of a phone number; once a connection.
-- Variables: none.
SET TimeZone = 'UTC';

CREATE TYPE way AS ENUM ('unknown', 'in', 'out');
CREATE TYPE mode AS ENUM ('self', 'guard', 'kiosk', 'manual', 'nfc');
CREATE TYPE enter_kind AS ENUM ('scanned', 'imputed');
CREATE TYPE exit_kind AS ENUM ('scanned', 'default', 'next_scan');

-- 0905…, 84905… and 0084905… are +84905…
CREATE MACRO international(phone) AS CASE
    WHEN starts_with(phone, 'phone:0084') THEN 'phone:+84' || phone[11:]
    WHEN starts_with(phone, 'phone:84') THEN 'phone:+84' || phone[9:]
    WHEN starts_with(phone, 'phone:0') THEN 'phone:+84' || phone[8:]
    ELSE phone
END;

-- `replace` five times: `translate` takes six times as long, and so would a regular expression.
CREATE MACRO unfilled(phone) AS CASE
    WHEN regexp_matches(phone, '[ .()-]')
    THEN replace(replace(replace(replace(replace(phone, ' ', ''), '.', ''), '-', ''), '(', ''), ')', '')
    ELSE phone
END;

CREATE MACRO canonical(person) AS CASE
    WHEN starts_with(person, 'phone:') THEN international(unfilled(person))
    WHEN starts_with(person, 'bhyt:') THEN 'bhyt:' || right(upper(replace(person[6:], ' ', '')), 10)
    WHEN starts_with(person, 'passport:') THEN 'passport:' || upper(replace(person[10:], ' ', ''))
    ELSE person
END;

CREATE MACRO is_person(text) AS regexp_full_match(
    text,
    'phone:(?:\+84(?:[35789][0-9]{8}|2[0-9]{9})|\+(?:[1-79]|8[0-35-9])[0-9]{6,13})'
    '|cccd:[0-9]{12}|cmnd:[0-9]{9}|bhyt:[0-9]{10}|passport:[0-9A-Z]{5,20}|(?:qid|device):[^*]+'
);

-- An instant needs its offset; the usual endings are looked at first.
CREATE MACRO instant(text) AS CASE
    WHEN strlen(text) >= 20 AND (
        CASE WHEN suffix(text, '+07:00') OR suffix(text, 'Z') THEN true
        ELSE regexp_full_match(text, '.*[+-][0-9]{2}:[0-9]{2}') END)
    THEN try_cast(text AS TIMESTAMPTZ)
END;
