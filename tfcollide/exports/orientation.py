"""What a JPEG or PNG file says of its orientation, read within a TensorFlow graph as `images.decode` reads it with Pillow.

The first directory of the EXIF data says which way is up, in an entry of tag 0x0112 (EXIF 2.32, section 4.6.4); where
there is none, XMP may. JPEG keeps EXIF data in a segment APP1, PNG in a chunk eXIf.
"""

import tensorflow as tf

__all__ = ["orientation", "turned"]

_TAG = 0x0112
_SHORT, _LONG, _SIGNED_SHORT, _SIGNED_LONG = 3, 4, 8, 9
_EXIF = b"Exif\0\0"
_HAS_XMP = r"\C*http://ns\.adobe\.com/xap/1\.0/\C*|\C*XML:com\.adobe\.xmp\C*"
_IN_XMP = r"\C*?tiff:Orientation(?:=\"|>)([0-9])\C*"


def turned(pixels: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Turns an image as a viewer shows it.

    Args:
        pixels: `[h, w, C]`, decoded from `file` as they are stored.
        file: a scalar, the bytes of a JPEG or PNG file.

    Returns:
        `[h, w, C]` or `[w, h, C]`.
    """
    code = orientation(file)
    flips = (code - 1) % 4
    pixels = tf.cond(code > 4, lambda: tf.transpose(pixels, [1, 0, 2]), lambda: pixels)
    pixels = tf.cond((flips == 1) | (flips == 2), lambda: tf.reverse(pixels, [1]), lambda: pixels)
    return tf.cond(flips > 1, lambda: tf.reverse(pixels, [0]), lambda: pixels)


def orientation(file: tf.Tensor) -> tf.Tensor:
    """The orientation, 1 to 8, that the bytes of a `file` ask for: an int64 scalar, 1 where they ask for none."""
    bytes_ = _Bytes(file)
    start = tf.cond(bytes_.are(0, b"\xff\xd8"), lambda: _in_jpeg(bytes_), lambda: _in_png(bytes_))
    start += tf.where(bytes_.are(start, _EXIF), _number(len(_EXIF)), _number(0))
    code = tf.cond(start > 0, lambda: _in_directory(bytes_, start), lambda: _number(-1))
    code = tf.cond(code < 0, lambda: _in_xmp(file), lambda: code)
    return tf.where((code >= 1) & (code <= 8), code, _number(1))


class _Bytes:
    """Bytes and whole numbers at positions of a file; zeros behind its end."""

    def __init__(self, file: tf.Tensor):
        values = tf.cast(tf.io.decode_raw(file, tf.uint8), tf.int64)
        self.size = tf.size(values, tf.int64)
        self._values = tf.concat([values, [0]], 0)

    def at(self, position: tf.Tensor, count: int) -> tf.Tensor:
        """`[..., count]` from `[...]`."""
        places = tf.expand_dims(tf.cast(position, tf.int64), -1) + tf.range(count, dtype=tf.int64)
        return tf.gather(self._values, tf.clip_by_value(places, 0, self.size))

    def are(self, position: tf.Tensor, text: bytes) -> tf.Tensor:
        return tf.reduce_all(self.at(position, len(text)) == list(text), axis=-1)

    def number(self, position: tf.Tensor, count: int, little: tf.Tensor | bool = False) -> tf.Tensor:
        """`[...]`, of `count` bytes each, the least first where `little`."""
        powers = tf.constant([256**i for i in range(count)], tf.int64)
        return tf.reduce_sum(self.at(position, count) * tf.where(little, powers, powers[::-1]), axis=-1)


def _number(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)


def _in_jpeg(bytes_: _Bytes) -> tf.Tensor:
    """Where the EXIF data of a JPEG file start: in a segment before the scan (ITU T.81, B.1.1); 0 where it has none."""

    def body(position: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        is_exif = bytes_.are(position, b"\xff\xe1") & bytes_.are(position + 4, _EXIF)
        return position + 2 + bytes_.number(position + 2, 2), tf.where(is_exif, position + 4, _number(0))

    def goes_on(position: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        at_scan = bytes_.are(position, b"\xff\xda")
        return (found == 0) & (position < bytes_.size) & bytes_.are(position, b"\xff") & ~at_scan

    return tf.while_loop(goes_on, body, [_number(2), _number(0)])[1]


def _in_png(bytes_: _Bytes) -> tf.Tensor:
    """Where the EXIF data of a PNG file start: in a chunk (PNG, 5.3); 0 where it has none."""

    def body(position: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        is_exif = bytes_.are(position + 4, b"eXIf")
        return position + 12 + bytes_.number(position, 4), tf.where(is_exif, position + 8, _number(0))

    def goes_on(position: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        return (found == 0) & (position < bytes_.size)

    begin = tf.where(bytes_.are(0, b"\x89PNG"), _number(8), bytes_.size)
    return tf.while_loop(goes_on, body, [begin, _number(0)])[1]


def _in_directory(bytes_: _Bytes, start: tf.Tensor) -> tf.Tensor:
    """The orientation in the first directory of EXIF data at `start`; -1 where it has none."""
    little = bytes_.are(start, b"II")
    directory = start + bytes_.number(start + 4, 4, little)
    entries = directory + 2 + 12 * tf.range(bytes_.number(directory, 2, little))
    right = (bytes_.number(entries, 2, little) == _TAG) & (bytes_.number(entries + 4, 4, little) == 1)
    place = tf.reduce_max(tf.concat([tf.boolean_mask(entries, right), [-1]], 0))
    kind = bytes_.number(place + 2, 2, little)
    short, long = (kind == _SHORT) | (kind == _SIGNED_SHORT), (kind == _LONG) | (kind == _SIGNED_LONG)
    value = tf.where(short, bytes_.number(place + 8, 2, little), bytes_.number(place + 8, 4, little))
    return tf.where(place < 0, _number(-1), tf.where(short | long, value, _number(0)))


def _in_xmp(file: tf.Tensor) -> tf.Tensor:
    """The orientation in XMP data; 0 where there is none."""
    given = tf.strings.regex_full_match(file, _HAS_XMP) & tf.strings.regex_full_match(file, _IN_XMP)
    digit = lambda: tf.strings.to_number(tf.strings.regex_replace(file, _IN_XMP, r"\1"), tf.int64)  # noqa: E731
    return tf.cond(given, digit, lambda: _number(0))
