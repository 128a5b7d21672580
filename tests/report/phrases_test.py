from tfcollide.records import Certificate, Distance, ReaderRecord
from tfcollide.report.phrases import explained, hull_words

from .summaries import corner, summary


def test_mixtures_and_proof():
    assert hull_words(summary()) == 'mlp at hidden_1: corners 1.23 apart; 2,000 of 2,000 mixtures of them are "7"'
    assert hull_words(summary(certificate=Certificate("certified", 2.5, 1.0))).endswith('"7", and all others by proof')
    real = Certificate("certified", 2.5, 1.0, arithmetic="real")
    assert hull_words(summary(certificate=real)).endswith("all others by proof in real arithmetic")
    assert hull_words(summary(pixel_range=(0.0, 255.0))).startswith("mlp at hidden_1, pixels 0..255: corners 1.23 apart")
    assert hull_words(summary(distance=Distance(None, None, 2.5))) == "mlp at hidden_1: 2.50 from the source"


def test_the_words_below_corners_are_explained():
    assert explained(summary()) == ""
    seen = (corner(source_share=0.3, target_share=0.9, reader="3"),)
    assert "independent reader (k nearest neighbors)" in explained(
        summary(corners=seen, reader=ReaderRecord("k nearest neighbors", 0.96, None))
    )
    nobody = summary(corners=(corner(source_share=0.3, target_share=0.9),), reader=ReaderRecord("knn", 0.2, "it is blind"))
    assert explained(nobody).endswith("There is no independent reader: it is blind.")
