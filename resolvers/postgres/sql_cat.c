// SPDX-License-Identifier: MIT
#include "resolvers/postgres/sql_priv.h"

// Postgres takes 100 arguments a call.
enum { CONCAT_ARGS = 90 };

void sql_literal(struct mer_buf *b, struct mer_slice s)
{
    mer_buf_add_char(b, '\'');
    // Quotes are rare: what lies between them goes in one piece, each of them twice.
    for (const char *quote; s.n && (quote = memchr(s.p, '\'', s.n)) != NULL;) {
        size_t n = (size_t)(quote - s.p) + 1;
        mer_buf_add(b, mer_slice_make(s.p, n));
        mer_buf_add_char(b, '\'');
        s.p += n;
        s.n -= n;
    }
    mer_buf_add(b, s);
    mer_buf_add_char(b, '\'');
}

void sql_cat_begin(struct sql_cat *cat, struct mer_buf *out)
{
    *cat = (struct sql_cat){.out = out};
    mer_buf_add(out, MER_S("concat("));
}

static void separate(struct sql_cat *cat)
{
    if (cat->args == CONCAT_ARGS) {
        mer_buf_add(cat->out, MER_S(")||concat("));
        cat->args = 0;
    } else if (cat->args > 0) {
        mer_buf_add_char(cat->out, ',');
    }
    cat->args++;
}

static void close_literal(struct sql_cat *cat)
{
    if (cat->open)
        mer_buf_add_char(cat->out, '\'');
    cat->open = false;
}

void sql_cat_slice(struct sql_cat *cat, struct mer_slice json)
{
    if (!json.n)
        return;
    if (!cat->open) {
        separate(cat);
        mer_buf_add_char(cat->out, '\'');
        cat->open = true;
    }
    mer_buf_add(cat->out, json);
}

struct mer_buf *sql_cat_value(struct sql_cat *cat)
{
    close_literal(cat);
    separate(cat);
    return cat->out;
}

void sql_cat_end(struct sql_cat *cat)
{
    close_literal(cat);
    if (cat->args == 0)
        mer_buf_add(cat->out, MER_S("''"));
    mer_buf_add_char(cat->out, ')');
}

static bool is_graphql_name(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
        if (!letter && !(i > 0 && ch >= '0' && ch <= '9'))
            return false;
    }
    return s.n > 0;
}

bool sql_cat_key(struct sql_ctx *c, struct sql_cat *cat, struct mer_slice key, bool *first)
{
    // Keys are the one thing of the text that a request chooses; the parser lets only names through, and so
    // do we.
    if (!is_graphql_name(key))
        return sql_fail(c, MER_ERR_NOT_FOUND, "a response key is no name");
    sql_cat_slice(cat, *first ? MER_S("\"") : MER_S(",\""));
    sql_cat_slice(cat, key);
    sql_cat_text(cat, "\":");
    *first = false;
    return true;
}
