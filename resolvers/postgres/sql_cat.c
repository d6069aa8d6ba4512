// SPDX-License-Identifier: MIT
#include "resolvers/postgres/sql_priv.h"

// Postgres takes 100 arguments a call.
enum { CONCAT_ARGS = 90 };

void sql_literal(struct mer_buf *b, struct mer_slice s)
{
    mer_buf_add_char(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            mer_buf_add_char(b, '\'');
        mer_buf_add_char(b, s.p[i]);
    }
    mer_buf_add_char(b, '\'');
}

void sql_cat_begin(struct sql_cat *cat, struct sql_ctx *c, struct mer_buf *out)
{
    cat->out = out;
    cat->args = 0;
    mer_buf_init(&cat->literal, c->a, 64);
    mer_buf_add_cstr(out, "concat(");
}

static void separate(struct sql_cat *cat)
{
    if (cat->args == CONCAT_ARGS) {
        mer_buf_add_cstr(cat->out, ")||concat(");
        cat->args = 0;
    } else if (cat->args > 0) {
        mer_buf_add_char(cat->out, ',');
    }
    cat->args++;
}

static void flush(struct sql_cat *cat)
{
    if (!cat->literal.n)
        return;
    separate(cat);
    sql_literal(cat->out, mer_buf_slice(&cat->literal));
    mer_buf_clear(&cat->literal);
}

void sql_cat_text(struct sql_cat *cat, const char *json)
{
    mer_buf_add_cstr(&cat->literal, json);
}

void sql_cat_slice(struct sql_cat *cat, struct mer_slice json)
{
    mer_buf_add(&cat->literal, json);
}

struct mer_buf *sql_cat_value(struct sql_cat *cat)
{
    flush(cat);
    separate(cat);
    return cat->out;
}

void sql_cat_end(struct sql_cat *cat)
{
    flush(cat);
    if (cat->args == 0)
        mer_buf_add_cstr(cat->out, "''");
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
    sql_cat_text(cat, *first ? "\"" : ",\"");
    sql_cat_slice(cat, key);
    sql_cat_text(cat, "\":");
    *first = false;
    return true;
}
