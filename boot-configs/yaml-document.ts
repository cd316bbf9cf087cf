import { Composer, type Document, Lexer, Parser, type YAMLError } from 'yaml';
import type { ProblemCollector } from './collector.ts';
import type { SourceText } from './source-text.ts';
import { type Excess, TokenBudget, textExcess } from './yaml-limits.ts';

/**
 * Composes the one YAML 1.2 document in `source`. Syntax errors and exceeded limits go to `problems`, and the result
 * is then undefined. Aliases stay aliases.
 */
export function composeDocument(
  source: SourceText,
  problems: ProblemCollector,
): Document.Parsed | undefined {
  const documents: Document.Parsed[] = [];
  const excess = textExcess(source.text) ?? compose(source.text, documents);
  if (excess !== undefined) {
    const { offset, message, hint } = excess;
    problems.add(
      { start: offset, end: offset + 1 },
      { path: '', rule: 'yaml-limits', message, hint },
    );
    return undefined;
  }
  const [document, second] = documents;
  if (document === undefined) {
    reportEmpty(problems);
    return undefined;
  }
  for (const error of document.errors) report(error, source, problems);
  if (document.errors.length > 0) return undefined;
  if (document.directives.yaml.explicit && document.directives.yaml.version !== '1.2') {
    problems.add(
      { start: 0, end: 5 },
      {
        path: '',
        rule: 'yaml-directive',
        message: `YAML ${document.directives.yaml.version} is asked for, but a manifest is YAML 1.2`,
        hint: 'remove the %YAML line',
      },
    );
    return undefined;
  }
  if (second !== undefined) {
    const start = document.range[2];
    problems.add(
      { start, end: start + 3 },
      {
        path: '',
        rule: 'yaml-documents',
        message: 'a second YAML document begins here',
        hint: 'a manifest is one document: remove this line or split the file',
      },
    );
    return undefined;
  }
  if (document.contents === null) reportEmpty(problems);
  return document;
}

/** Puts the first two documents of `text` into `documents`, unless the text exceeds a limit. */
function compose(text: string, documents: Document.Parsed[]): Excess | undefined {
  const budget = new TokenBudget();
  const parser = new Parser();
  // The composer's own search for duplicate keys is quadratic; they are found when the tree is walked. Stack traces
  // of syntax errors would cost more than the parsing.
  const composer = new Composer({
    uniqueKeys: false,
    prettyErrors: false,
    merge: false,
    resolveKnownTags: false,
  });
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    for (const lexeme of new Lexer().lex(text)) {
      const excess = budget.take(lexeme);
      if (excess !== undefined) return excess;
      for (const token of parser.next(lexeme)) {
        for (const document of composer.next(token)) documents.push(document as Document.Parsed);
      }
      if (documents.length > 1) return undefined;
    }
    for (const token of parser.end()) {
      for (const document of composer.next(token)) documents.push(document as Document.Parsed);
    }
    for (const document of composer.end(false, text.length)) {
      documents.push(document as Document.Parsed);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return undefined;
}

const hints: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'align the keys of one mapping in one column',
  BAD_SCALAR_START: 'put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that holds ": " in quotes',
  MISSING_CHAR: 'look for a missing ":", bracket or quote, here or on the line before',
  MULTILINE_IMPLICIT_KEY: 'look for a missing ":" or a quote that is never closed',
  RESOURCE_EXHAUSTION: 'no value of a manifest is nested deeper than 4',
  TAB_AS_INDENT: 'indent with spaces',
};

function report(error: YAMLError, source: SourceText, problems: ProblemCollector): void {
  const [start, end] = error.pos;
  problems.add(
    { start: Math.min(start, source.text.length), end },
    {
      path: '',
      rule: 'yaml-syntax',
      message: `not valid YAML: ${error.message.slice(0, 200)}`,
      hint: hints[error.code] ?? 'correct the YAML on this line or the one before',
    },
  );
}

function reportEmpty(problems: ProblemCollector): void {
  problems.add(
    { start: 0, end: 0 },
    {
      path: '',
      rule: 'yaml-syntax',
      message: 'the manifest is empty',
      hint: 'begin with "version: 1" and a list "domains:"',
    },
  );
}
