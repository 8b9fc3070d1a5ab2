/* Where an account stands towards its primary, request by request (contract section 6: Failed over,
 * Failback): what the rules failback.* look at. No expectation of when to go back is known here.
 *
 *              success at           success           request goes to       restart
 *              the primary          elsewhere         a better server
 *   unknown    home                 away              -                     unknown
 *   home       home                 away              -                     unknown
 *   away       returned             away (anew)       probing               unknown
 *   probing    returned             away (anew)       probing               unknown
 *   returned   home                 away              -                     unknown
 *
 * The whole table, with the server in use told from others, stands in failback_course.c. */
#ifndef RULES_CHECKS_FAILBACK_COURSE_H
#define RULES_CHECKS_FAILBACK_COURSE_H

#include "rules/rule.h"

enum failback_state {
    FAILBACK_UNKNOWN,  /* nothing was seen to succeed yet, or the phone has started anew */
    FAILBACK_HOME,     /* the server in use is the primary */
    FAILBACK_AWAY,     /* failed over: the server in use is not rank 1 */
    FAILBACK_PROBING,  /* the same, and a try at a better server has had no success yet */
    FAILBACK_RETURNED, /* home, by the success just before */
    FAILBACK_STATE_COUNT,
};

enum failback_end {
    FAILBACK_OPEN,      /* the capture ends in it */
    FAILBACK_CAME_BACK, /* a success at the primary */
    FAILBACK_LEFT,      /* a success at another server: the one in use had failed, or so it seems */
    FAILBACK_FORGOTTEN, /* a restart, or a server that the list does not have */
};

/* A stay away from the primary, with one server in use. */
struct failback_stay {
    struct server server;
    const struct server_list *list;    /* of the request that began it */
    const struct ranked_server *entry; /* the server in it */
    int64_t since_ns;                  /* of the first success there */
    uint32_t since_frame;
    int64_t moved_ns; /* when that request began its attempt there */
    int64_t left_ns;  /* the newest success before it, elsewhere; INT64_MIN: none */
    bool midway;      /* the phone may have come there before the capture began */
    enum failback_end end;
    int64_t end_ns;
};

/* A new request of the account that began while it was failed over. */
struct failback_step {
    const struct request *request;
    const struct server_list *list;
    enum failback_state state;         /* away or probing */
    size_t stay;                       /* index into stays */
    const struct ranked_server *used;  /* the server in use, in this request's list */
    const struct ranked_server *went;  /* where its first attempt went */
    const struct ranked_server *first; /* the best one that is there: not under Retry-After, of an
                                          address family that the phone has, and registered at where
                                          only_registered asks for it; NULL: its address is not
                                          known, but its name */
    const char *first_name;            /* its target name; NULL: none */
    bool back;                         /* it went to a better server than the one in use */
    bool astray;                       /* it went to a worse one */
    bool to_primary;                   /* it went to a server that no other one comes before */
    bool released;  /* the server in use has failed since, or asked for peace: nothing holds */
    bool renewal;   /* a REGISTER that renews a binding where it is, while only a call went
                       elsewhere */
    bool loosened;  /* since the failover such a renewal has succeeded */
    bool connected; /* since the newest success a connection to a better server was tried in vain,
                       for a request that nobody knows */
    bool succeeded; /* a success where its first attempt went */
    bool anew;      /* a try in vain has started the time in use anew */
    int64_t base_low_ns, base_high_ns; /* when the time in use began to run (a try in vain starts it
                                          anew), at the earliest and at the latest */
    int64_t success_ns;                /* the newest success before it */
    int64_t before_ns;   /* when the newest request that was over before it was over */
    int64_t register_ns; /* when the next REGISTER after it begins; INT64_MAX: none */
};

/* The server in use became another one. */
struct failback_change {
    int64_t t_ns;    /* of the first success there */
    uint32_t frame;  /* its answer */
    int64_t left_ns; /* the newest success at the server before */
    struct server from, to;
    const struct server_list *list;
    bool forced;    /* the server before had failed */
    bool restarted; /* the phone has started anew since the change before */
};

struct failback_course {
    const struct failback_stay *stays;
    size_t stay_count;
    const struct failback_step *steps; /* in order of time */
    size_t step_count;
    const struct failback_change *changes;
    size_t change_count;
    const struct request *unlisted; /* a request that went elsewhere than the one before, of which
                                       no list tells the order; NULL: none */
};

/* Follow the account through the capture; all of it lives in the judge's arena. */
void failback_course_new(struct failback_course *course, const struct judge *judge);

/* Do the expectations have a failback setting for which `wanted` is true, at the top or of any
 * server of its own? */
bool failback_asked(const struct judge *judge,
                    bool (*wanted)(const struct failback_expectations *failback));

/* The newest registration of the account granted before t_ns, at this server (NULL: anywhere);
 * NULL: none. */
const struct registration *failback_registration(const struct judge *judge,
                                                 const struct server *server, int64_t t_ns);

#endif
