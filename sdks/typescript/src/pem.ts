import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from './options.js';

const NAMES = ['rootCertificates', 'clientCertificate', 'clientKey', 'serverName'];
const BEGIN_CERTIFICATE = /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/gm;
const CERTIFICATE = /^-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/gm;

/** What is wrong with TLS options: found when the client is made, not when it first connects. */
export function tlsProblems(tls: TlsOptions): string[] {
  if (typeof tls !== 'object' || tls === null) return [`tls must be an object with ${NAMES.join(', ')}`];
  const found = Object.keys(tls).filter((name) => !NAMES.includes(name))
    .map((name) => `unknown option 'tls.${name}': known are ${NAMES.join(', ')}`);
  const check = (name: 'rootCertificates' | 'clientCertificate' | 'clientKey', parse: (pem: Buffer) => void) => {
    const pem = tls[name];
    if (pem === undefined) return;
    if (!Buffer.isBuffer(pem) || !pem.includes('-----BEGIN ')) return found.push(`tls.${name} must be a Buffer with a PEM file`);
    try {
      parse(pem);
    } catch (e) {
      found.push(`tls.${name} is damaged: ${(e as Error).message}`);
    }
  };
  check('rootCertificates', certificates);
  check('clientCertificate', certificates);
  check('clientKey', (pem) => createPrivateKey(pem));
  if (tls.serverName !== undefined && typeof tls.serverName !== 'string') found.push('tls.serverName must be a text');
  if ((tls.clientCertificate === undefined) !== (tls.clientKey === undefined)) {
    found.push('tls.clientCertificate and tls.clientKey belong together');
  }
  if (found.length > 0) return found;
  try {
    const { clientCertificate, clientKey } = tls;
    // Only of a pair of one kind does OpenSSL see by itself that it is none.
    if (clientCertificate && clientKey && !new X509Certificate(clientCertificate).checkPrivateKey(createPrivateKey(clientKey))) {
      throw new Error('the key is of another certificate');
    }
    createSecureContext({ ca: tls.rootCertificates, cert: tls.clientCertificate, key: tls.clientKey });
  } catch (e) {
    found.push(`tls.clientCertificate and tls.clientKey cannot be used: ${(e as Error).message}`);
  }
  return found;
}

// One by one: OpenSSL takes a file up to where it is damaged, and the authority that is missed then is one behind that.
function certificates(pem: Buffer): void {
  const text = pem.toString('latin1');
  const whole = text.match(CERTIFICATE) ?? [];
  const begun = text.match(BEGIN_CERTIFICATE)?.length ?? 0;
  if (begun === 0) throw new Error('it holds no certificate');
  if (whole.length < begun) throw new Error(`${begun - whole.length} of ${begun} certificates have no end`);
  whole.forEach((one, i) => {
    try {
      new X509Certificate(one);
    } catch (e) {
      throw new Error(`certificate ${i + 1} of ${whole.length}: ${(e as Error).message}`);
    }
  });
}
