"""Which language a conversation is in, by its scripts."""

import pytest

from tests.quality.test_heuristics import said, score

OTHERS = {
    "Spanish": "Hola, mi pedido no ha llegado todavía y necesito saber dónde está porque mañana salgo de viaje. ¿Me "
    "puede ayudar con esto, por favor? Gracias.",
    "French": "Bonjour, je n'ai toujours pas reçu mon colis et je voudrais savoir où il se trouve, car je pars demain "
    "en vacances. Pouvez-vous m'aider, s'il vous plaît ?",
    "German": "Guten Tag, mein Paket ist noch nicht angekommen und ich möchte wissen, wo es ist, weil ich morgen in "
    "den Urlaub fahre. Können Sie mir bitte helfen?",
    "Portuguese": "Olá, o meu pedido ainda não chegou e preciso saber onde ele está porque amanhã vou viajar. Você "
    "pode me ajudar com isso, por favor? Obrigado.",
    "Italian": "Buongiorno, il mio pacco non è ancora arrivato e vorrei sapere dove si trova, perché domani parto "
    "per le vacanze. Mi può aiutare, per favore?",
    "Dutch": "Hallo, mijn pakket is nog niet aangekomen en ik wil graag weten waar het is, omdat ik morgen op vakantie "
    "ga. Kunt u mij helpen alstublieft?",
    "Indonesian": "Halo, paket saya belum sampai dan saya ingin tahu di mana posisinya karena besok saya akan pergi "
    "keluar kota. Bisa tolong dibantu? Terima kasih banyak.",
    "Vietnamese": "Xin chào, đơn hàng của tôi vẫn chưa đến và tôi muốn biết nó đang ở đâu vì ngày mai tôi đi xa. Bạn "
    "có thể giúp tôi được không?",
    "Polish": "Dzień dobry, moja paczka jeszcze nie dotarła i chciałbym wiedzieć, gdzie ona jest, ponieważ jutro "
    "wyjeżdżam na urlop. Czy może mi pan pomóc?",
    "Turkish": "Merhaba, siparişim hâlâ gelmedi ve nerede olduğunu öğrenmek istiyorum çünkü yarın seyahate çıkıyorum. "
    "Bana bu konuda yardım edebilir misiniz lütfen? Çok teşekkür ederim size.",
    "Japanese": "注文した商品がまだ届きません。配送状況を確認していただけますか。",
    "Korean": "주문한 상품이 아직 도착하지 않았습니다. 배송 상태를 확인해 주세요.",
    "Russian": "Здравствуйте, мой заказ ещё не пришёл, подскажите, где он?",
    "Arabic": "مرحبا، لم يصل طلبي بعد، أين هو الآن؟",
    "Thai": "สวัสดีค่ะ พัสดุยังไม่มาถึง",
}


def language(*texts):
    row = score(said(*(("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(texts))))
    return row["language"], row["mixed_share"]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("我的包裹呢？", "正在为您查询，请稍等。"), "zh"),
        (("我的iPhone12连不上WiFi，4G也不行", "请重启一下手机"), "zh"),
        (("我的包裹還沒到", "請稍等，馬上為您查詢"), "zh"),
        (("Where is my parcel?", "It left our hub today."), "en"),
        (("ok", "Done."), "en"),
        (("我 order 咗但係未 deliver", "please wait, 我 check 下 status"), "mixed"),
        (("Where is my parcel, please?", "您的包裹今天送到。"), "mixed"),
        (("123", "？？？"), None),
        ((None, None), None),
    ],
)
def test_script_shares_say_the_language(texts, found):
    assert language(*texts)[0] == found


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_neither_chinese_nor_english(name):
    assert language(OTHERS[name])[0] == "other"


def test_mixed_share_is_what_is_not_of_the_chief_script():
    assert language("我的order在哪")[1] == pytest.approx(1 / 5)
    assert language("我的包裹")[1] == 0.0
    assert language("12 !")[1] is None
