"""Labeled images: the bundled digits, TFDS data sets, folders of images, or `none`, where both ends are image files."""
