import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../lib/run.ts';

/** All banks stay active, as in a machine without this set-up; otherwise it would be one. */
const BANKS = '-';

/**
 * Gives the TPM whose state is to be in the directory `state` EK certificates, of an RSA key and of one on P-384, as
 * manufacturers do: under an authority in two steps, which is made in the directory `authority` for this one. Returns the
 * authority's certificates in PEM, root and intermediate: what a verifier has of a manufacturer.
 */
export async function certifyTpm(state: string, authority: string): Promise<string> {
  await mkdir(authority);
  const at = (name: string) => join(authority, name);
  const write = (name: string, lines: string[]) => writeFile(at(name), `${lines.join('\n')}\n`);
  await write('setup.conf', [
    'create_certs_tool=/usr/bin/swtpm_localca',
    `create_certs_tool_config=${at('localca.conf')}`,
    `create_certs_tool_options=${at('localca.options')}`,
  ]);
  const issuer = at('issuercert.pem');
  await write('localca.conf', [
    `statedir = ${authority}`,
    `signingkey = ${at('signkey.pem')}`,
    `issuercert = ${issuer}`,
    `certserial = ${at('certserial')}`,
  ]);
  await write('localca.options', ['--platform-manufacturer none']);
  await runProgram('swtpm_setup', [
    ...['--tpm2', '--tpmstate', state, '--config', at('setup.conf')],
    ...['--create-ek-cert', '--ecc', '--pcr-banks', BANKS],
  ]);
  const certificates = [at('swtpm-localca-rootca-cert.pem'), issuer];
  return (await Promise.all(certificates.map((file) => readFile(file, 'utf8')))).join('');
}
