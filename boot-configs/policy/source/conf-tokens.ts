/** A word or sign of a policy in text form, with the line of the module that it comes from. */
export interface ConfToken {
  text: string;
  /** As m4 was given it, such as modules/vtpm.te. */
  file: string;
  line: number;
}

/**
 * Splits what m4 makes of the modules (policy.conf): it says with `#line NUMBER "FILE"` where what follows stands, what a macro
 * gives as where it was called. What else begins with # is a comment.
 */
export function confTokens(conf: string): ConfToken[] {
  const tokens: ConfToken[] = [];
  let file = '';
  let line = 1;
  for (const text of conf.split('\n')) {
    const [, number, named] = /^#line ([0-9]{1,9})(?: "(.*)")?$/.exec(text) ?? [];
    if (number !== undefined) {
      file = named ?? file;
      line = Number(number);
      continue;
    }
    const code = text.replace(/#.*/, '');
    for (const [word] of code.matchAll(/"[^"]*"|[\w.$]+|[{}:;,*~()=!-]/g)) {
      tokens.push({ text: word, file, line });
    }
    line++;
  }
  return tokens;
}
