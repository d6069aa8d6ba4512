// SPDX-License-Identifier: MIT
// Tokens to text with chance between them, and what may happen to tokens and characters on their way.
const BETWEEN = [' ', ' ', ' ', '\n', '\n  ', '\r\n', '\r', '\t', ',', ', ', '\ufeff', ' # note, "with" {tokens}\n', '#\u{1f600}é\r\n', ' ,\n,'];
const TOKENS = ['{', '}', '(', ')', '[', ']', ':', '!', '$', '@', '|', '&', '=', '...', '..', '.', '?', '%', 'on', 'fragment', 'query', 'mutation', 'subscription', 'type', 'extend', 'null', 'true', 'x', '0', '00', '01', '1.', '1.e', '1e', '-', '--1', '1x', '1_', '0.1.2', '.5', '"', '"""', '"a\nb"', '"\\x"', '"\\u12"', '"\\uD800"', '"\\uD83D\\uDE00"', '"\\uDE00"', '"\\u{}"', '"\\u{110000}"', '"\\u{D800}"', '"\\u{1F600}"', '"\\u{12', '"\\', '"""\\""""', '"""a\\"', "'", "'a'", '`', '\\', '\u0000', '\u0007', '\u007f', '\u00a0', '\u2028', 'é', '😀', '\u0085', '"\u0001"', '"\u2028"', '"😀"', '"""😀\n é"""', '"""\n\t a\r\r\n  b\u0000\n"""', '@deprecated', '""', '""""""', '"""""', '$x', '#', '\ufeff'];
const CHARACTERS = [...'{}()[]:!$@|&=."\\#, \n\r\tabcE019_-+éß\u00a0\u2028\u0000\u001f\ufeff', '😀', '𝒳', '"""', '\r\n', '...'];

function mustPart(left, right) {
  const a = left.at(-1), b = right[0];
  const word = (ch) => /[\w.]/u.test(ch);
  return (word(a) && (word(b) || b === '-')) || (a === '"' && b === '"') || left.startsWith('#');
}

export function render(tokens, chance) {
  const tidy = chance.maybe(0.5);
  let out = chance.maybe(0.03) ? '\ufeff' : '';
  for (let i = 0; i < tokens.length; i++) {
    const part = i > 0 && tokens[i] !== '' && tokens[i - 1] !== '' && mustPart(tokens[i - 1], tokens[i]);
    if (part || chance.maybe(0.3)) out += tidy ? chance.pick([' ', '\n']) : chance.pick(BETWEEN);
    out += tokens[i];
  }
  return out + (chance.maybe(0.2) ? chance.pick(BETWEEN) : '');
}

export function mutateTokens(tokens, chance) {
  const out = [...tokens];
  for (let n = chance.between(1, 3); n > 0 && out.length; n--) {
    const i = chance.below(out.length), j = chance.below(out.length);
    const how = chance.below(6);
    if (how === 0) out.splice(i, 1);
    else if (how === 1) out.splice(i, 0, out[i]);
    else if (how === 2) [out[i], out[j]] = [out[j], out[i]];
    else if (how === 3) out[i] = chance.pick(TOKENS);
    else if (how === 4) out.splice(i, 0, chance.pick(TOKENS));
    else out.splice(j, 0, ...out.slice(i, i + chance.between(1, 8)));
  }
  return out;
}

export function mutateText(text, chance) {
  const chars = [...text];
  for (let n = chance.between(1, 3); n > 0 && chars.length; n--) {
    const i = chance.below(chars.length);
    const how = chance.below(3);
    if (how === 0) chars.splice(i, 1);
    else if (how === 1) chars.splice(i, 0, chance.pick(CHARACTERS));
    else chars[i] = chance.pick(CHARACTERS);
  }
  if (chance.maybe(0.1)) chars.splice(chance.below(chars.length));
  return chars.join('');
}
