#!/usr/bin/env node
import { domb } from './domb.ts';
import { processTerminal } from './terminal.ts';

// Not by a top-level await, which a CommonJS bundle can't have.
domb(process.argv.slice(2), processTerminal).then((status) => {
  process.exitCode = status;
});
