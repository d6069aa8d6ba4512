// SPDX-License-Identifier: MIT
#include "gateway/explorer.h"

static const char page[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Meridian</title><style>"
    "body{font:15px system-ui;margin:2rem;display:grid;gap:1rem;max-width:70rem}"
    "textarea,input,pre{font:13px ui-monospace,monospace;width:100%;box-sizing:border-box;padding:.5rem}"
    "textarea{height:14rem}pre{background:#f4f4f4;overflow:auto;min-height:8rem}</style></head><body>"
    "<h1>Meridian</h1><label>Token <input id=\"t\" autocomplete=\"off\"></label>"
    "<label>Query <textarea id=\"q\">{ regionStatus { region liveEnvironment reachable } }</textarea></label>"
    "<label>Variables <input id=\"v\" value=\"{}\"></label><button id=\"r\">Run</button><pre id=\"o\"></pre>"
    "<script>const $=i=>document.getElementById(i);$('r').onclick=async()=>{try{"
    "const a=await fetch('/graphql',{method:'POST',headers:{'content-type':'application/json',"
    "accept:'application/graphql-response+json',authorization:'Bearer '+$('t').value},"
    "body:JSON.stringify({query:$('q').value,variables:JSON.parse($('v').value||'{}')})});"
    "$('o').textContent=JSON.stringify(await a.json(),null,2)}catch(e){$('o').textContent=e}}</script></body></html>";

struct mer_slice mer_explorer_page(void)
{
    return mer_slice_make(page, sizeof(page) - 1);
}
