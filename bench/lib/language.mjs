// SPDX-License-Identifier: MIT
// The other side of bench/language.py: parse and validate of npm's graphql. language.mjs SDL OPERATION… ; in and out as
// bench/language.c has it.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { buildSchema, parse, validate } from 'graphql';

const [sdl, ...files] = process.argv.slice(2);
const schema = buildSchema(readFileSync(sdl, 'utf8'));
const texts = files.map((file) => readFileSync(file, 'utf8').split('\n%%\n')[0]);

// CPU of the thread that works, where node can tell it (23); else of the process, with the compiler and the collector.
const usage = process.threadCpuUsage ? () => process.threadCpuUsage() : () => process.cpuUsage();
const cpu = () => usage().user + usage().system;

for await (const line of createInterface({ input: process.stdin })) {
  const rounds = Number(line);
  const told = texts.map((text, i) => {
    const began = cpu();
    for (let k = 0; k < rounds; k++) {
      const errors = validate(schema, parse(text));
      if (errors.length) throw new Error(`${files[i]}: ${errors[0].message}`);
    }
    return (cpu() - began) / rounds;
  });
  console.log(JSON.stringify(told));
}
