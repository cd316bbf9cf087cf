import {
  collectEvidence,
  type Evidence,
  readBootQuote,
  readLogs,
  writeEvidence,
} from '../measurement/evidence/evidence.ts';
import { readMeasurementLog } from '../measurement/evidence/read-log.ts';
import { verifyEvidence } from '../measurement/evidence/verify.ts';
import { requiredValue } from './arguments.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { handedOverPaths } from './handed-over.ts';
import { hierarchyValues } from './hierarchy-values.ts';
import { nonceOf } from './nonce.ts';
import { writing } from './output.ts';
import { safe } from './text.ts';
import { kernelFirmwareLog, openNamedTpm } from './tpm-device.ts';

/** `domb quote` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const nonce = nonceOf(requiredValue(input, 'nonce'));
  const { values } = input;
  const output = values.get('output') ?? 'evidence';
  const directory = values.get('logs') ?? handedOverPaths.directory;
  return failing(async () => {
    const logs = await readLogs(directory);
    const bootQuote = await readBootQuote(directory);
    const firmwareLog = logs.firmwareLog ?? (await kernelFirmwareLog(values.get('device')));
    const log = readMeasurementLog(logs.log);
    const { pcr, banks } = log.target;
    const bootPcr = logs.bootLog && readMeasurementLog(logs.bootLog).target.pcr;
    const auth = await hierarchyValues(input, terminal);
    const pcrs = bootPcr === undefined ? log.pcrs : [...log.pcrs, bootPcr];
    const tpm = await openNamedTpm(values.get('device'));
    let evidence: Evidence;
    try {
      const made = { ...logs, firmwareLog, pcrs, banks, nonce, values: auth, bootQuote };
      evidence = await collectEvidence(tpm, made);
    } finally {
      await tpm.close();
    }
    await writing(output, () => writeEvidence(output, evidence));
    const { findings } = verifyEvidence(evidence, {
      nonce,
      pcr,
      ...(bootPcr === undefined ? {} : { bootPcr }),
    });
    terminal.write(`${output}: PCR 0 to 7, ${pcrs.join(', ')} in ${banks.join(', ')}\n`);
    const wrong = findings.filter(({ ok }) => !ok);
    for (const { says } of wrong) terminal.writeError(`will not verify: ${safe(says)}\n`);
    return wrong.length === 0 ? 0 : 3;
  });
}
