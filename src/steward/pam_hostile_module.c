/*
 * For pam_test.c: a PAM module that is against us. Its argument says how:
 * "rename": authenticates, as somebody else; "crash": dies; "chatter": asks more
 * than can be asked; "exit": ends the process that loaded it, with status 0.
 */
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) int
pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    const char *how = argc > 0 ? argv[0] : "";
    const struct pam_conv *conv = NULL;
    (void)flags;
    if (strcmp(how, "rename") == 0)
        return pam_set_item(pam, PAM_USER, "root");
    if (strcmp(how, "crash") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        _exit(0);
    for (int i = 0; i < 1000; i++) {
        const struct pam_message message = {PAM_PROMPT_ECHO_OFF, "More\x1b[2J: "};
        const struct pam_message *messages[] = {&message, &message, &message,
                                                &message, &message, &message};
        struct pam_response *responses = NULL;
        if (pam_get_item(pam, PAM_CONV, (const void **)&conv) != PAM_SUCCESS ||
            conv->conv(6, messages, &responses, conv->appdata_ptr) != PAM_SUCCESS)
            return PAM_SUCCESS; /* and yet it says so */
        free(responses);
    }
    return PAM_SUCCESS;
}

__attribute__((visibility("default"))) int
pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}

__attribute__((visibility("default"))) int
pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam, (void)flags;
    return argc > 0 && strcmp(argv[0], "deny") == 0 ? PAM_ACCT_EXPIRED : PAM_SUCCESS;
}
