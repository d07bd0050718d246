"""What the landing page says, in the eight languages of the page (landing.py)."""

from dataclasses import dataclass

RIGHT_TO_LEFT = ("ar",)
FIRST = "en"


@dataclass(frozen=True)
class Words:
    """title. here: before the address. how: what to do. stay: the button. stays: after it was
    pressed. scan: beside the QR code."""

    title: str
    here: str
    how: str
    stay: str
    stays: str
    scan: str


WORDS = {
    "en": Words(
        "Messages without the Internet",
        "This Wi-Fi has no Internet, but a page for messages. Its address is:",
        "This small window forgets everything when it closes. So press the button first, then "
        "open your browser and go to this address.",
        "Stay on this Wi-Fi",
        "Your device stays on this Wi-Fi. Now open your browser and go to:",
        "Others can scan the code.",
    ),
    "de": Words(
        "Nachrichten ohne Internet",
        "Dieses WLAN hat kein Internet, aber eine Seite für Nachrichten. Ihre Adresse ist:",
        "Dieses kleine Fenster vergisst alles, wenn es sich schließt. Drück also zuerst den "
        "Knopf, öffne dann deinen Browser und gehe zu dieser Adresse.",
        "In diesem WLAN bleiben",
        "Dein Gerät bleibt in diesem WLAN. Öffne jetzt deinen Browser und gehe zu:",
        "Andere können den Code scannen.",
    ),
    "fr": Words(
        "Des messages sans Internet",
        "Ce Wi-Fi n’a pas Internet, mais une page pour les messages. Son adresse est :",
        "Cette petite fenêtre oublie tout en se fermant. Appuyez donc d’abord sur le bouton, puis "
        "ouvrez votre navigateur et allez à cette adresse.",
        "Rester sur ce Wi-Fi",
        "Votre appareil reste sur ce Wi-Fi. Ouvrez maintenant votre navigateur et allez à :",
        "D’autres peuvent scanner le code.",
    ),
    "es": Words(
        "Mensajes sin Internet",
        "Este wifi no tiene Internet, pero sí una página para mensajes. Su dirección es:",
        "Esta ventanita lo olvida todo al cerrarse. Pulsa primero el botón, luego abre tu "
        "navegador y ve a esta dirección.",
        "Seguir en este wifi",
        "Tu dispositivo sigue en este wifi. Ahora abre tu navegador y ve a:",
        "Otras personas pueden escanear el código.",
    ),
    "tr": Words(
        "İnternetsiz mesajlar",
        "Bu Wi-Fi’da internet yok, ama mesajlar için bir sayfa var. Adresi:",
        "Bu küçük pencere kapanınca her şeyi unutur. Önce düğmeye bas, sonra tarayıcını aç ve bu "
        "adrese git.",
        "Bu Wi-Fi’da kal",
        "Cihazın bu Wi-Fi’da kalıyor. Şimdi tarayıcını aç ve şuraya git:",
        "Başkaları kodu tarayabilir.",
    ),
    "uk": Words(
        "Повідомлення без інтернету",
        "У цьому Wi-Fi немає інтернету, але є сторінка для повідомлень. Її адреса:",
        "Це віконце все забуває, коли закривається. Тож спершу натисніть кнопку, потім відкрийте "
        "браузер і перейдіть за цією адресою.",
        "Залишитися в цьому Wi-Fi",
        "Ваш пристрій залишається в цьому Wi-Fi. Тепер відкрийте браузер і перейдіть на:",
        "Інші можуть зісканувати код.",
    ),
    "ar": Words(
        "رسائل دون إنترنت",
        "لا إنترنت في شبكة Wi-Fi هذه، لكن فيها صفحة للرسائل. عنوانها:",
        "هذه النافذة الصغيرة تنسى كل شيء عند إغلاقها. فاضغط الزر أولًا، ثم افتح متصفحك واذهب إلى "
        "هذا العنوان.",
        "ابقَ على هذه الشبكة",
        "يبقى جهازك على هذه الشبكة. افتح الآن متصفحك واذهب إلى:",
        "يمكن للآخرين مسح الرمز.",
    ),
    "hi": Words(
        "बिना इंटरनेट के संदेश",
        "इस वाई-फ़ाई में इंटरनेट नहीं है, पर संदेशों का एक पेज है। उसका पता:",
        "यह छोटी विंडो बंद होने पर सब भूल जाती है। इसलिए पहले बटन दबाएँ, फिर अपना ब्राउज़र खोलें और "
        "इस पते पर जाएँ।",
        "इसी वाई-फ़ाई पर रहें",
        "आपका फ़ोन इसी वाई-फ़ाई पर रहेगा। अब अपना ब्राउज़र खोलें और यहाँ जाएँ:",
        "दूसरे लोग कोड स्कैन कर सकते हैं।",
    ),
}


def language(accepts: str) -> str:
    """The language that a browser likes best of those there are (RFC 9110, Accept-Language)."""
    best, liked = FIRST, 0.0
    for part in accepts.split(","):
        code, _, weight = part.strip().partition(";")
        code = code.strip().lower().partition("-")[0]
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        if code in WORDS and quality > liked:
            best, liked = code, quality
    return best
