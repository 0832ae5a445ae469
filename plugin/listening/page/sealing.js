/* What is scrambled, and the checksum of a file of results: as lamina/plugin/listening has both. */
function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/* What follows the four bytes of the seed is XORed with the generator's; a second time brings it back. */
function mixed(bytes) {
  let state = (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24 | 1) >>> 0;
  const out = bytes.slice();
  for (let i = 4; i < out.length; i++) {
    state = (state ^ state << 13) >>> 0;
    state = (state ^ state >>> 17) >>> 0;
    state = (state ^ state << 5) >>> 0;
    out[i] ^= state & 255;
  }
  return out;
}

const unscrambled = (base64) => new TextDecoder().decode(mixed(bytesOf(base64)).slice(4));

function scrambled(text) {
  const plain = new TextEncoder().encode(text), bytes = new Uint8Array(plain.length + 4);
  crypto.getRandomValues(bytes.subarray(0, 4));
  bytes.set(plain, 4);
  let base64 = "";
  mixed(bytes).forEach((byte) => { base64 += String.fromCharCode(byte); });
  return btoa(base64);
}

/* SHA-256 (FIPS 180-4): browsers offer their own only where a page came by HTTPS. */
function sha256(text) {
  const root = (n, k) => Math.floor((Math.pow(n, 1 / k) % 1) * 4294967296) >>> 0;
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const K = primes.map((p) => root(p, 3)), H = primes.slice(0, 8).map((p) => root(p, 2));
  const message = new TextEncoder().encode(text), length = message.length;
  const padded = new Uint8Array((length + 72 >> 6) << 6);
  padded.set(message);
  padded[length] = 128;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 536870912));
  view.setUint32(padded.length - 4, (length << 3) >>> 0);
  const turn = (x, n) => x >>> n | x << 32 - n, w = new Uint32Array(64);
  for (let start = 0; start < padded.length; start += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(start + 4 * i);
    for (let i = 16; i < 64; i++) {
      const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >>> 3;
      const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >>> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & f ^ ~e & g) + K[i] + w[i];
      const t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & b ^ a & c ^ b & c);
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) >>> 0, c, b, a, (t1 + t2) >>> 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { H[i] = (H[i] + value) >>> 0; });
  }
  return H.map((value) => value.toString(16).padStart(8, "0")).join("");
}

function sealed(content) {
  const text = JSON.stringify(content, null, 1).replace(/\n}$/, "");
  return text + ',\n "sha256": "' + sha256(text) + '"\n}\n';
}
