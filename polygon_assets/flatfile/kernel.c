/* The parsing kernel: lines of the canonical grammar into columns, several times as fast as a general CSV reader.
 *
 * Canonical is what the vendor writes: fields between commas, a newline at each end, text in ASCII, quotation marks
 * around lists alone, numbers of digits with at most one point and a minus, empty cells where the columns allow them.
 * Whatever else there is makes the whole block NOT_CANONICAL, and nothing is said about why: the CSV reader behind it
 * does that.
 *
 * Decimals are exact: a mantissa of at most 2^53 divided by a power of ten of at most 10^22 is rounded correctly.
 * Reading past a block is bounded: nothing is read at or beyond `end` + PADDING (kernel.py), which the caller owns.
 */

#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Eight digits are read as one little-endian word"
#endif

#define NOT_CANONICAL (-1)
#define LONGEST_TICKER 64
#define MOST_COLUMNS 64
#define MOST_DIGITS 19
#define EXACT_MANTISSA (1ULL << 53)

/* Counts up with every change of what is below, so that a library built from an older source is not used. */
const int32_t kernel_version = 3;

enum kind { TICKER, TEXT, DECIMAL, WHOLE, MOMENT, DATE };

/* One column of the file, in the order of the file; kernel.py has the same structure. */
struct column {
    int32_t kind;
    int32_t nullable;
    int32_t quoted; /* a TEXT that may stand between quotation marks, since it may hold commas */
    int32_t unused;
    int64_t most;     /* largest WHOLE or MOMENT */
    void *values;     /* double for DECIMAL, int64_t for WHOLE and MOMENT, int32_t for DATE (days since 1970) and TICKER (runs) */
    uint8_t *missing; /* 1 for an empty cell, where the column is nullable */
    int32_t *offsets; /* of texts, and of the tickers' runs: one more than there are */
    uint8_t *text;
};

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const uint64_t WHOLE_POWERS[] = {1ULL,      10ULL,      100ULL,      1000ULL,     10000ULL,
                                        100000ULL, 1000000ULL, 10000000ULL, 100000000ULL};

static inline uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* The high bit of each byte that was no digit, of a word whose digits were turned into 0 to 9. Exact up to the first
 * such byte, and beyond it as long as those before are ASCII. */
static inline uint64_t not_digits(uint64_t digits) {
    return ((digits + 0x7676767676767676ULL) | digits) & 0x8080808080808080ULL;
}

/* The number that eight digits make, the first in the lowest byte. */
static inline uint64_t number_of(uint64_t digits) {
    digits = digits * 10 + (digits >> 8);
    return ((digits & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
            ((digits >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
           32;
}

/* Append the digits at `p` to `number`; their count. More than MOST_DIGITS in all give a count above that. */
static inline int append_digits(const uint8_t *p, uint64_t *number, int before) {
    int count = 0;
    for (;;) {
        uint64_t digits = word_at(p + count) ^ 0x3030303030303030ULL;
        uint64_t others = not_digits(digits);
        int found = others ? __builtin_ctzll(others) >> 3 : 8;
        if (found == 0) return count;
        if (before + count + found > MOST_DIGITS) return MOST_DIGITS + 1;
        *number = *number * WHOLE_POWERS[found] + number_of(digits << (64 - 8 * found));
        count += found;
        if (found < 8) return count;
    }
}

/* Read a decimal at `p` into `value`; its length, or NOT_CANONICAL. */
static inline int decimal(const uint8_t *p, double *value) {
    const uint8_t *begin = p;
    int negative = *p == '-';
    p += negative;
    uint64_t digits = word_at(p) ^ 0x3030303030303030ULL, others = not_digits(digits), mantissa;
    int whole = others ? __builtin_ctzll(others) >> 3 : 8, fraction = 0;
    uint64_t second = others & (others - 1);
    if (whole == 0) return NOT_CANONICAL;
    if (whole < 8 && p[whole] != '.') {
        mantissa = number_of(digits << (64 - 8 * whole));
        p += whole;
    } else if (whole < 8 && second) { /* all of it in one word: close the gap that the point leaves */
        int end = __builtin_ctzll(second) >> 3;
        uint64_t below = (1ULL << (8 * whole)) - 1;
        fraction = end - whole - 1;
        if (fraction == 0) return NOT_CANONICAL;
        mantissa = number_of(((digits & below) | ((digits >> 8) & ~below)) << (64 - 8 * (end - 1)));
        p += end;
    } else {
        mantissa = 0;
        whole = append_digits(p, &mantissa, 0);
        if (whole > MOST_DIGITS) return NOT_CANONICAL;
        p += whole;
        if (*p == '.') {
            fraction = append_digits(++p, &mantissa, whole);
            if (fraction == 0 || fraction > MOST_DIGITS) return NOT_CANONICAL;
            p += fraction;
        }
    }
    for (; mantissa > EXACT_MANTISSA; mantissa /= 10, fraction--) /* zeros that say nothing, as in 167.82000000000000 */
        if (fraction == 0 || mantissa % 10) return NOT_CANONICAL;
    double number = (double)mantissa / POWERS[fraction];
    *value = negative ? -number : number;
    return (int)(p - begin);
}

/* Read digits without a leading zero at `p`, at most `most`; their count, or NOT_CANONICAL. */
static inline int whole_number(const uint8_t *p, int64_t most, int64_t *value) {
    uint64_t number = 0;
    int count = append_digits(p, &number, 0);
    if (count == 0 || count > MOST_DIGITS || number > (uint64_t)most || (*p == '0' && count > 1)) return NOT_CANONICAL;
    *value = (int64_t)number;
    return count;
}

static inline int two_digits(const uint8_t *p) {
    unsigned tens = p[0] - '0', ones = p[1] - '0';
    return tens > 9 || ones > 9 ? -1 : (int)(tens * 10 + ones);
}

/* Read YYYY-MM-DD at `p` into days since 1970; its length, or NOT_CANONICAL. */
static int date(const uint8_t *p, int32_t *days) {
    static const uint8_t LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century = two_digits(p), years = two_digits(p + 2), month = two_digits(p + 5), day = two_digits(p + 8);
    if (century < 0 || years < 0 || p[4] != '-' || p[7] != '-') return NOT_CANONICAL;
    int year = century * 100 + years;
    if (year < 1600 || month < 1 || month > 12 || day < 1) return NOT_CANONICAL;
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > LENGTHS[month - 1] + (month == 2 && leap)) return NOT_CANONICAL;
    int shifted = year - (month <= 2); /* years that begin in March have their odd day at the end */
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    *days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + of_year - 719468;
    return 10;
}

static inline int same_bytes(const uint8_t *a, const uint8_t *b, int length) {
    for (; length >= 8; a += 8, b += 8, length -= 8)
        if (word_at(a) != word_at(b)) return 0;
    return length == 0 || ((word_at(a) ^ word_at(b)) << (64 - 8 * length)) == 0;
}

/* Copy a text that ends with `stop` to `target`; its length, or NOT_CANONICAL. */
static inline int64_t copy_text(const uint8_t *p, uint8_t stop, uint8_t *target, int64_t longest) {
    for (int64_t length = 0; length <= longest; length++) {
        uint8_t byte = p[length];
        if (byte == stop) return length;
        if (byte == '\n' || byte == '\r' || byte == '"' || byte == 0 || byte > 126) return NOT_CANONICAL;
        target[length] = byte;
    }
    return NOT_CANONICAL;
}

/* How many newlines data[start:end] has. */
int64_t count_lines(const uint8_t *data, int64_t start, int64_t end) {
    int64_t count = 0;
    for (int64_t at = start; at < end; at++) count += data[at] == '\n';
    return count;
}

/* Parse data[start:end], whole lines of which the last has its newline, into `rows` rows of `columns`.
 *
 * Gives how many runs of equal tickers there are, or NOT_CANONICAL. */
int64_t parse_lines(const uint8_t *data, int64_t start, int64_t end, const struct column *columns, int32_t count,
                    int64_t rows) {
    const uint8_t *p = data + start, *stop_at = data + end, *ticker = NULL;
    int64_t row = 0, run = -1;
    int ticker_length = 0, marked;
    int64_t used[MOST_COLUMNS] = {0};
    if (count > MOST_COLUMNS || start >= end || data[end - 1] != '\n') return NOT_CANONICAL;
    for (; p < stop_at; row++) {
        if (row == rows) return NOT_CANONICAL;
        for (int32_t each = 0; each < count; each++) {
            const struct column *column = columns + each;
            const uint8_t stop = each == count - 1 ? '\n' : ',';
            if (column->nullable) {
                int empty = *p == stop && column->kind > TEXT;
                column->missing[row] = (uint8_t)empty;
                if (empty) {
                    if (column->kind == DATE) ((int32_t *)column->values)[row] = 0;
                    else ((int64_t *)column->values)[row] = 0; /* the same bits as 0.0 */
                    p++;
                    continue;
                }
            }
            int64_t length = NOT_CANONICAL;
            switch (column->kind) {
            case DECIMAL:
                length = decimal(p, (double *)column->values + row);
                break;
            case WHOLE:
            case MOMENT:
                length = whole_number(p, column->most, (int64_t *)column->values + row);
                break;
            case TICKER:
                if (ticker && p[ticker_length] == stop && same_bytes(p, ticker, ticker_length)) {
                    length = ticker_length;
                } else {
                    length = copy_text(p, stop, column->text + used[each], LONGEST_TICKER);
                    if (length < 0) return NOT_CANONICAL;
                    used[each] += length;
                    column->offsets[++run + 1] = (int32_t)used[each];
                    ticker = p;
                    ticker_length = (int)length;
                }
                ((int32_t *)column->values)[row] = (int32_t)run;
                break;
            case TEXT:
                marked = column->quoted && *p == '"';
                p += marked;
                length = copy_text(p, marked ? '"' : stop, column->text + used[each], stop_at - p);
                if (length < 0) return NOT_CANONICAL;
                used[each] += length;
                p += marked;
                column->offsets[row + 1] = (int32_t)used[each];
                break;
            case DATE:
                length = date(p, (int32_t *)column->values + row);
                break;
            }
            if (length < 0 || p[length] != stop) return NOT_CANONICAL;
            p += length + 1;
        }
    }
    return row == rows ? run + 1 : NOT_CANONICAL;
}
