/* See user_call.h. */
#include "account/user_call.h"

#include <stdlib.h>

#include "base/json.h"

enum { HELP_COLUMN = 28 }; /* where the sentences begin */

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_TEXTS,  /* struct user_texts */
    OPTION_NUMBER, /* int64_t, 0..UINT32_MAX */
    OPTION_DIRECT, /* --direct-uploads: the other word for no atomic ones */
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    unsigned of; /* enum user_takes: which commands take it */
    size_t offset;
    const char *value;
    const char *help;
};

#define AT(field) offsetof(struct user_call, field)

static const struct option options[] = {
    {"database", 0, OPTION_TEXT, TAKES_ALWAYS, AT(database), "FILE",
     "the account database (default: AccountDatabase of -f FILE or ferryd.conf)"},
    {"json", 0, OPTION_FLAG, TAKES_ALWAYS, AT(is_json), NULL,
     "for programs: one JSON object a line"},
    {"password-stdin", 0, OPTION_FLAG, TAKES_PASSWORD, AT(is_password_stdin), NULL,
     "the password is the first line of standard input"},
    {"password-file", 0, OPTION_TEXT, TAKES_PASSWORD, AT(password_file), "FILE",
     "the password is the file's first line"},
    {"generate", 0, OPTION_FLAG, TAKES_PASSWORD, AT(is_generated), NULL,
     "make a password up and show it once"},
    {"allow-weak", 0, OPTION_FLAG, TAKES_PASSWORD, AT(is_weak_allowed), NULL,
     "take a password that is easily guessed; programs on the internet will try it"},
    {"remove", 0, OPTION_FLAG, TAKES_REMOVE, AT(is_removed), NULL,
     "no password any more: keys alone"},
    {"key", 0, OPTION_TEXTS, TAKES_KEYS, AT(keys), "FILE",
     "public keys that may log in; may be repeated"},
    {"create-root", 0, OPTION_FLAG, TAKES_ROOT, AT(creates_root), NULL,
     "make the root directory if it is not there"},
    {"direct-uploads", 0, OPTION_DIRECT, TAKES_MEMBERS, 0, NULL,
     "uploads are written under their name at once"},
    {"unset", 0, OPTION_TEXTS, TAKES_UNSET, AT(unset), "OPTION",
     "forget what was set, so that the group's value counts; may be repeated"},
    {"of-group", 0, OPTION_FLAG, TAKES_GROUP_KIND, AT(is_of_group), NULL,
     "NAME is a group: all its accounts log in with the key"},
    {"passwd", 0, OPTION_TEXT, TAKES_IMPORT, AT(passwd_file), "FILE",
     "import from a file as /etc/passwd, in place of a list"},
    {"shadow", 0, OPTION_TEXT, TAKES_IMPORT, AT(shadow_file), "FILE",
     "with --passwd: where the hashes are"},
    {"min-uid", 0, OPTION_NUMBER, TAKES_IMPORT, AT(min_uid), "N",
     "with --passwd: the first id that is a person's (default 1000)"},
    {"skip-bad", 0, OPTION_FLAG, TAKES_IMPORT, AT(skips_bad), NULL,
     "import the good lines although others are bad"},
    {"dry-run", 'n', OPTION_FLAG, TAKES_IMPORT, AT(is_dry_run), NULL,
     "report, and change nothing"},
    {"help", 'h', OPTION_FLAG, TAKES_ALWAYS, AT(wants_help), NULL, "show this and exit"},
};

static bool
takes(const struct user_command *command, unsigned of)
{
    return ((command->takes | TAKES_ALWAYS) & of) != 0;
}

static const struct option *
find_option(const struct user_call *call, struct bytes name, char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        bool is_it = letter ? o->letter == letter : bytes_eq_str(name, o->name);
        if (is_it && takes(call->command, o->of))
            return o;
    }
    return NULL;
}

static const struct account_member *
find_member(struct bytes name)
{
    for (size_t i = 0; i < MEMBER_IDS; i++)
        if (bytes_eq_str(name, account_members[i].name))
            return &account_members[i];
    return NULL;
}

/* ---- values ---- */

static enum err
add_text(const char *name, const char *value, struct user_texts *to, struct fault *why)
{
    if (to->n == USER_TEXTS_MAX)
        return fault_set(why, ERR_PROTO, 0, "%s: more than %d", name, USER_TEXTS_MAX);
    to->text[to->n++] = value;
    return ERR_NONE;
}

static enum err
set_number(const struct option *option, const char *value, int64_t *to, struct fault *why)
{
    size_t n = strlen(value);
    if (n == 0 || n > 9 || strspn(value, "0123456789") != n)
        return fault_set(why, ERR_PROTO, 0, "--%s: not a number: \"%.40s\"", option->name,
                         value);
    *to = strtol(value, NULL, 10);
    return ERR_NONE;
}

/* Of atomic and direct uploads the last word counts. */
static enum err
set_direct(struct user_call *call)
{
    call->record.is_atomic = 0;
    call->members |= MEMBER_BIT(MEMBER_ID_ATOMIC);
    return ERR_NONE;
}

static enum err
set_option(struct user_call *call, const struct option *option, const char *value,
           struct fault *why)
{
    void *field = (char *)call + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return ERR_NONE;
    case OPTION_TEXT:
        *(const char **)field = value;
        return ERR_NONE;
    case OPTION_TEXTS:
        return add_text(option->name, value, field, why);
    case OPTION_NUMBER:
        return set_number(option, value, field, why);
    case OPTION_DIRECT:
        return set_direct(call);
    }
    return ERR_BUG;
}

/* Given again: joined to what was given before, or in its place. */
static enum err
set_member(struct user_call *call, const struct account_member *m, const char *value,
           struct fault *why)
{
    struct buf joined;
    uint64_t bit = MEMBER_BIT(m - account_members);
    buf_init(&joined, 2 * ACCOUNT_RIGHTS_MAX + 2);
    if (m->separator && (call->members & bit)) {
        buf_put_str(&joined, account_member_text(m, &call->record));
        buf_put_u8(&joined, (uint8_t)m->separator);
    }
    buf_put_str(&joined, value);
    const char *text = buf_cstr(&joined);
    enum err err = text ? account_member_set(m, &call->record, text, why)
                        : fault_set(why, ERR_PROTO, 0, "--%s: too long", m->name);
    buf_clear(&joined);
    call->members |= bit;
    return err;
}

/* ---- words ---- */

struct scan {
    int argc, at;
    char *const *argv;
};

static enum err
take_value(struct scan *s, const char *name, const char *what, const char *attached,
           const char **value, struct fault *why)
{
    *value = attached ? attached : s->at < s->argc ? s->argv[s->at++] : NULL;
    return *value ? ERR_NONE : fault_set(why, ERR_PROTO, 0, "--%s needs %s", name, what);
}

static enum err
parse_member(struct user_call *call, struct scan *s, const struct account_member *m,
             const char *attached, struct fault *why)
{
    const char *value = attached ? attached : "yes";
    enum err err = ERR_NONE;
    if (m->kind != MEMBER_FLAG)
        err = take_value(s, m->name, m->value, attached, &value, why);
    return err ? err : set_member(call, m, value, why);
}

static enum err
parse_option(struct user_call *call, struct scan *s, const struct option *option,
             const char *attached, struct fault *why)
{
    const char *value = NULL;
    if (!option->value && attached)
        return fault_set(why, ERR_PROTO, 0, "--%s takes no value", option->name);
    enum err err = ERR_NONE;
    if (option->value)
        err = take_value(s, option->name, option->value, attached, &value, why);
    return err ? err : set_option(call, option, value, why);
}

static enum err
parse_long(struct user_call *call, struct scan *s, const char *text, struct fault *why)
{
    const char *equals = strchr(text, '=');
    struct bytes name = bytes_of(text, equals ? (size_t)(equals - text) : strlen(text));
    const char *attached = equals ? equals + 1 : NULL;
    const struct option *option = find_option(call, name, 0);
    if (option)
        return parse_option(call, s, option, attached, why);
    const struct account_member *m = find_member(name);
    if (m && takes(call->command, TAKES_MEMBERS))
        return parse_member(call, s, m, attached, why);
    if (bytes_eq_str(name, "password"))
        return fault_set(why, ERR_PROTO, 0,
                         "a password on the command line could be read by others: "
                         "--password-stdin, --password-file or --generate");
    return fault_set(why, ERR_PROTO, 0, "\"user %s\" has no option --%.*s",
                     call->command->name, (int)(name.n < 80 ? name.n : 80), text);
}

static enum err
parse_letters(struct user_call *call, struct scan *s, const char *letters,
              struct fault *why)
{
    for (; *letters; letters++) {
        const struct option *option = find_option(call, (struct bytes){0}, *letters);
        if (!option)
            return fault_set(why, ERR_PROTO, 0, "\"user %s\" has no option -%.40s",
                             call->command->name, letters);
        enum err err = parse_option(call, s, option, NULL, why);
        if (err)
            return err;
    }
    return ERR_NONE;
}

static enum err
check_operands(const struct user_call *call, struct fault *why)
{
    const struct user_command *c = call->command;
    if (call->operands.n < c->min_operands || call->operands.n > c->max_operands)
        return fault_set(why, ERR_PROTO, 0, "usage: ferryd user %s %s", c->name,
                         c->operands);
    return ERR_NONE;
}

enum err
user_call_parse(struct user_call *call, int argc, char *const *argv, struct fault *why)
{
    struct scan s = {.argc = argc, .argv = argv};
    bool has_options_ended = false;
    account_record_init(&call->record, false, "");
    call->min_uid = 1000;
    while (s.at < s.argc) {
        const char *text = s.argv[s.at++];
        enum err err;
        if (!has_options_ended && strcmp(text, "--") == 0) {
            has_options_ended = true;
            continue;
        }
        if (has_options_ended || text[0] != '-' || !text[1])
            err = add_text("operands", text, &call->operands, why);
        else if (text[1] == '-')
            err = parse_long(call, &s, text + 2, why);
        else
            err = parse_letters(call, &s, text + 1, why);
        if (err)
            return err;
    }
    return call->wants_help ? ERR_NONE : check_operands(call, why);
}

/* ---- help ---- */

static void
print_option(char letter, const char *name, const char *value, const char *help,
             FILE *out)
{
    char left[64], short_form[8] = "    ";
    if (letter)
        snprintf(short_form, sizeof short_form, "-%c, ", letter);
    snprintf(left, sizeof left, "%s--%s%s%s", short_form, name, value ? " " : "",
             value ? value : "");
    if (strlen(left) > HELP_COLUMN)
        fprintf(out, "  %s\n  %*s  %s\n", left, HELP_COLUMN, "", help);
    else
        fprintf(out, "  %-*s  %s\n", HELP_COLUMN, left, help);
}

void
user_call_help(const struct user_command *command, FILE *out)
{
    fprintf(out, "usage: ferryd user %s [options]%s%s\n\n%s.\n\nOptions:\n",
            command->name, *command->operands ? " " : "", command->operands,
            command->help);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (takes(command, options[i].of))
            print_option(options[i].letter, options[i].name, options[i].value,
                         options[i].help, out);
    for (size_t i = 0; i < MEMBER_IDS && takes(command, TAKES_MEMBERS); i++)
        print_option(0, account_members[i].name, account_members[i].value,
                     account_members[i].help, out);
}

/* ---- what commands share ---- */

enum err
user_find(struct user_call *call, struct account_record *r, struct fault *why)
{
    return store_get(call->store, call->is_of_group ? STORE_GROUP : STORE_ACCOUNT,
                     bytes_str(call->operands.text[0]), r, why);
}

void
user_tell(const struct user_call *call, const char *type, const char *name,
          const char *what)
{
    struct buf line;
    buf_init(&line, 4096);
    if (call->is_json) {
        json_begin(&line, type);
        json_text(&line, "name", bytes_str(name));
        json_end(&line);
    } else {
        buf_printf(&line, "%s: %s\n", name, what);
    }
    fwrite(line.p, 1, line.n, stdout);
    buf_clear(&line);
}
