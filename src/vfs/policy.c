/*
 * The rules of an account: parsed once, asked for every operation. Nothing here
 * looks at a tree; the filter that does is policy_vfs.c.
 *
 * Asking costs one comparison a rule, and a name one match a pattern: all is
 * iterative and bounded, whatever an administrator wrote or a peer sends (R9).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/pattern.h"
#include "vfs/policy_rules.h"

struct policy {
    bool is_read_only;
    size_t n_rules, n_patterns;
    struct policy_rule rules[POLICY_RULES_MAX];
    char *patterns[POLICY_PATTERNS_MAX]; /* owned */
};

static const struct {
    const char *word;
    unsigned rights;
} words[] = {
    {"list", POLICY_LIST},
    {"download", POLICY_DOWNLOAD},
    {"upload", POLICY_UPLOAD},
    {"overwrite", POLICY_OVERWRITE},
    {"delete", POLICY_DELETE},
    {"rename", POLICY_RENAME},
    {"mkdir", POLICY_MKDIR},
    {"symlink", POLICY_SYMLINK},
    {"attributes", POLICY_ATTRIBUTES},
    /* Several at once. */
    {"all", POLICY_ALL},
    {"none", 0},
    {"read", POLICY_LIST | POLICY_DOWNLOAD},
    {"write", POLICY_ALL},
    {"dropbox", POLICY_UPLOAD | POLICY_MKDIR},
};

/* ---- words ---- */

const char *
policy_right_word(enum policy_right right)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].rights == (unsigned)right)
            return words[i].word;
    return "right"; /* several at once: no caller asks so */
}

static bool
add_word(struct bytes word, unsigned *rights)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (bytes_eq_str(word, words[i].word)) {
            *rights |= words[i].rights;
            return true;
        }
    return false;
}

bool
policy_rights_of(struct bytes list, unsigned *rights, struct bytes *unknown)
{
    struct bytes word;
    *rights = 0;
    *unknown = (struct bytes){0};
    if (list.n == 0 || list.p[list.n - 1] == ',')
        return false; /* an empty word, which the walk would not show */
    while (bytes_next_item(&list, &word))
        if (!add_word(word, rights)) {
            *unknown = word;
            return false;
        }
    return true;
}

/* ---- parsing ---- */

static struct bytes
trim(struct bytes line)
{
    while (line.n != 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        line = bytes_skip(line, 1);
    while (line.n != 0 && strchr(" \t\r", line.p[line.n - 1]))
        line.n--;
    return line;
}

/* The next line that is not blank, trimmed, and its number. */
static bool
next_line(struct bytes *rest, struct bytes *line, unsigned *number)
{
    while (rest->n != 0) {
        const uint8_t *end = memchr(rest->p, '\n', rest->n);
        size_t n = end ? (size_t)(end - rest->p) : rest->n;
        *line = trim(bytes_first(*rest, n));
        *rest = bytes_skip(*rest, n + 1);
        ++*number;
        if (line->n != 0)
            return true;
    }
    return false;
}

static void
encode(struct bytes in, char *out, size_t room)
{
    struct buf text;
    buf_init(&text, 16 + 4 * (room / 2));
    text_escape(&text, in, room / 2);
    snprintf(out, room, "%.*s", (int)text.n, text.n ? (const char *)text.p : "");
    buf_clear(&text);
}

/* Where RIGHTS begin: behind the last blank. */
static size_t
rights_at(struct bytes line)
{
    size_t at = line.n;
    while (at != 0 && line.p[at - 1] != ' ' && line.p[at - 1] != '\t')
        at--;
    return at;
}

static enum err
add_rule(struct policy *p, struct bytes line, unsigned number, struct fault *why)
{
    struct bytes unknown, rights = bytes_skip(line, rights_at(line));
    struct bytes place = trim(bytes_first(line, line.n - rights.n));
    struct policy_rule *rule = &p->rules[p->n_rules];
    struct vfs_path path;
    if (p->n_rules == POLICY_RULES_MAX)
        return fault_set(why, ERR_PROTO, 0, "line %u: more than %d rules", number,
                         POLICY_RULES_MAX);
    if (place.n == 0 || place.p[0] != '/' || vfs_path_parse(&path, NULL, place) != 0)
        return fault_set(why, ERR_PROTO, 0,
                         "line %u: a rule is an absolute path, a blank, and rights",
                         number);
    if (!policy_rights_of(rights, &rule->rights, &unknown)) {
        char word[40];
        encode(unknown, word, sizeof word);
        return fault_set(why, ERR_PROTO, 0, "line %u: \"%s\" is no right", number, word);
    }
    const struct policy_rule *same = policy_rule_of(p, &path);
    if (same && same->path_len == path.n)
        return fault_set(why, ERR_PROTO, 0, "line %u: that path has a rule already",
                         number);
    rule->path = strdup(path.text);
    if (!rule->path)
        return fault_set(why, ERR_NOMEM, 0, "no memory for a rule");
    rule->path_len = path.n;
    encode(line, rule->text, sizeof rule->text);
    p->n_rules++;
    return ERR_NONE;
}

static enum err
add_pattern(struct policy *p, struct bytes line, unsigned number, struct fault *why)
{
    if (p->n_patterns == POLICY_PATTERNS_MAX)
        return fault_set(why, ERR_PROTO, 0, "line %u: more than %d patterns", number,
                         POLICY_PATTERNS_MAX);
    if (line.n > VFS_COMPONENT_MAX || memchr(line.p, '/', line.n) ||
        memchr(line.p, 0, line.n))
        return fault_set(why, ERR_PROTO, 0,
                         "line %u: a pattern is matched with a name, without \"/\"",
                         number);
    char *copy = strndup((const char *)line.p, line.n);
    if (!copy)
        return fault_set(why, ERR_NOMEM, 0, "no memory for a pattern");
    p->patterns[p->n_patterns++] = copy;
    return ERR_NONE;
}

typedef enum err
line_fn(struct policy *p, struct bytes line, unsigned number, struct fault *why);

static enum err
each_line(struct policy *p, const char *text, line_fn *add, struct fault *why)
{
    struct bytes rest = bytes_str(text), line;
    unsigned number = 0;
    enum err e = ERR_NONE;
    while (e == ERR_NONE && next_line(&rest, &line, &number))
        e = add(p, line, number, why);
    return e;
}

enum err
policy_parse(const char *rules, const char *refused_names, bool is_read_only,
             struct policy **policy, struct fault *why)
{
    struct policy *p = calloc(1, sizeof *p);
    if (!p)
        return fault_set(why, ERR_NOMEM, 0, "no memory for an account's rules");
    p->is_read_only = is_read_only;
    enum err e = each_line(p, rules, add_rule, why);
    if (e == ERR_NONE)
        e = each_line(p, refused_names, add_pattern, why);
    if (e != ERR_NONE) {
        policy_free(p);
        return e;
    }
    *policy = p;
    return ERR_NONE;
}

void
policy_free(struct policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_rules; i++)
        free(p->rules[i].path);
    for (size_t i = 0; i < p->n_patterns; i++)
        free(p->patterns[i]);
    free(p);
}

/* ---- asking ---- */

/* Is the path `top` itself, or beneath it? Both are normalised. */
static bool
is_within(const char *top, size_t top_len, const char *path, size_t path_len)
{
    if (top_len == 1)
        return true;
    return path_len >= top_len && memcmp(path, top, top_len) == 0 &&
           (path_len == top_len || path[top_len] == '/');
}

const struct policy_rule *
policy_rule_of(const struct policy *p, const struct vfs_path *path)
{
    const struct policy_rule *best = NULL;
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        if ((!best || r->path_len > best->path_len) &&
            is_within(r->path, r->path_len, path->text, path->n))
            best = r;
    }
    return best;
}

unsigned
policy_rights_at(const struct policy *p, const struct vfs_path *path)
{
    const struct policy_rule *rule = policy_rule_of(p, path);
    unsigned rights = rule ? rule->rights : p->n_rules == 0 ? POLICY_ALL : 0;
    return p->is_read_only ? rights & ~(unsigned)POLICY_CHANGES : rights;
}

bool
policy_leads_to_rights(const struct policy *p, const struct vfs_path *path)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        if (r->rights != 0 && is_within(path->text, path->n, r->path, r->path_len))
            return true;
    }
    return false;
}

const struct policy_rule *
policy_rule_within(const struct policy *p, const struct vfs_path *path)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (is_within(path->text, path->n, p->rules[i].path, p->rules[i].path_len))
            return &p->rules[i];
    return NULL;
}

bool
policy_is_read_only(const struct policy *p)
{
    return p->is_read_only;
}

bool
policy_is_empty(const struct policy *p)
{
    return p->n_rules == 0 && p->n_patterns == 0 && !p->is_read_only;
}

const char *
policy_refusing_pattern(const struct policy *p, struct bytes name)
{
    for (size_t i = 0; i < p->n_patterns; i++)
        if (pattern_match(bytes_str(p->patterns[i]), name, PATTERN_FOLD))
            return p->patterns[i];
    return NULL;
}

bool
policy_allows(const struct policy *p, enum policy_right right,
              const struct vfs_path *path, char *why)
{
    const struct policy_rule *rule = policy_rule_of(p, path);
    const char *word = policy_right_word(right);
    bool is_allowed = (policy_rights_at(p, path) & (unsigned)right) != 0;
    if (p->is_read_only && (right & POLICY_CHANGES))
        snprintf(why, VFS_REFUSAL_MAX, "refused: read-only for this account");
    else if (rule)
        snprintf(why, VFS_REFUSAL_MAX, "%srule \"%s\" allows %s%s",
                 is_allowed ? "" : "refused: ", rule->text, is_allowed ? "" : "no ",
                 word);
    else if (is_allowed)
        snprintf(why, VFS_REFUSAL_MAX, "no rule restricts this account");
    else {
        char place[100];
        encode(vfs_path_bytes(path), place, sizeof place);
        snprintf(why, VFS_REFUSAL_MAX, "refused: no rule covers \"%s\"", place);
    }
    return is_allowed;
}
