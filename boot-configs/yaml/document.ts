import { Composer, type Document, Lexer, Parser, type YAMLError } from 'yaml';
import type { ProblemCollector } from '../collector.ts';
import { layoutFaults } from './layout.ts';
import { type Refusal, TokenBudget, textRefusal } from './limits.ts';
import type { SourceText } from './source-text.ts';

/**
 * Composes the one YAML 1.2 document in `source`. Syntax errors and exceeded limits go to `problems`, and the result
 * is then undefined. Aliases stay aliases.
 */
export function composeDocument(
  source: SourceText,
  problems: ProblemCollector,
): Document.Parsed | undefined {
  const composed = textRefusal(source.text) ?? compose(source.text);
  const refusals = Array.isArray(composed) ? documentRefusals(composed, source.text) : [composed];
  for (const { rule, offset, message, hint } of refusals) {
    const start = Math.min(offset, source.text.length);
    problems.add({ start, end: start + 1 }, '', { rule, message, hint });
  }
  return Array.isArray(composed) && refusals.length === 0 ? composed[0] : undefined;
}

/** The first two documents of `text`, or why it is refused. */
function compose(text: string): Document.Parsed[] | Refusal {
  const documents: Document.Parsed[] = [];
  const budget = new TokenBudget();
  const parser = new Parser();
  const composer = new Composer({
    // Its own search is quadratic; duplicate keys are found when the tree is walked.
    uniqueKeys: false,
    prettyErrors: false,
    merge: false,
    resolveKnownTags: false,
  });
  // The stack traces of many syntax errors would cost more than the parsing.
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    for (const lexeme of new Lexer().lex(text)) {
      const refusal = budget.take(lexeme, parser.stack.length);
      if (refusal !== undefined) return refusal;
      for (const token of parser.next(lexeme)) {
        for (const document of composer.next(token)) documents.push(document as Document.Parsed);
      }
      if (documents.length > 1) return documents;
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
  const failed = documents.some((document) => document.errors.length > 0);
  if (failed && budget.openQuote !== undefined) {
    // The parser has swallowed the rest of the text, so what it says about it would mislead.
    return {
      rule: 'yaml-syntax',
      offset: budget.openQuote,
      message: 'not valid YAML: this quote is never closed',
      hint: 'close it at the end of the value',
    };
  }
  return documents;
}

function documentRefusals([document, second]: Document.Parsed[], text: string): Refusal[] {
  if (document === undefined) return [empty];
  if (document.errors.length > 0) {
    // Nearly always it is the layout, and what the parser says then is about what follows from it.
    const faults = layoutFaults(text);
    return faults.length > 0 ? faults : document.errors.map(syntaxError);
  }
  const { explicit, version } = document.directives.yaml;
  if (explicit && version !== '1.2') {
    return [
      {
        rule: 'yaml-directive',
        offset: 0,
        message: `YAML ${version} is asked for, but a manifest is YAML 1.2`,
        hint: 'remove the %YAML line',
      },
    ];
  }
  if (second !== undefined) {
    return [
      {
        rule: 'yaml-documents',
        offset: document.range[2],
        message: 'a second YAML document begins here',
        hint: 'a manifest is one document: remove this line or split the file',
      },
    ];
  }
  return document.contents === null ? [empty] : [];
}

const empty: Refusal = {
  rule: 'yaml-syntax',
  offset: 0,
  message: 'the manifest is empty',
  hint: 'begin with "version: 2" and a list "domains:"',
};

const hints: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'align the keys of one mapping in one column',
  BAD_SCALAR_START: 'put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that holds ": " in quotes',
  MISSING_CHAR: 'look for a missing ":", bracket or quote, here or on the line before',
  MULTILINE_IMPLICIT_KEY: 'look for a missing ":" or a quote that is never closed',
  TAB_AS_INDENT: 'indent with spaces',
};

function syntaxError(error: YAMLError): Refusal {
  return {
    rule: 'yaml-syntax',
    offset: error.pos[0],
    message: `not valid YAML: ${error.message.slice(0, 200)}`,
    hint: hints[error.code] ?? 'correct the YAML on this line or the one before',
  };
}
